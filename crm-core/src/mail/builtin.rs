//! The templates that the product brings; a workspace may have others under the same names.

use serde_json::{Map, Value, json};

use super::template::{TemplateContent, TemplateName};

/// The names of the templates that the product brings.
const NAMES: [&str; 6] = ["digest", "invitation", "password_reset", "reminder", "verification", "webhook_disabled"];

/// What stands above and below each of them as HTML.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<body style=\"font-family: sans-serif\">\n";
const FOOT: &str = "</body>\n</html>\n";
/// Where somebody may stop getting such mails.
const UNSUBSCRIBE: &str = "{% if unsubscribe_url %}\n--\nNo more mails like this: {{ unsubscribe_url }}\n{% endif %}";
const UNSUBSCRIBE_HTML: &str = "{% if unsubscribe_url %}<p><small><a href=\"{{ unsubscribe_url }}\">No more mails like this</a></small></p>\n{% endif %}";

/// The names of the templates that the product brings.
pub(crate) fn names() -> impl Iterator<Item = TemplateName> {
    NAMES.into_iter().filter_map(|name| name.parse().ok())
}

/// Whether a template of this name, the workspace's own too, says what somebody cannot do without: whoever ended
/// such mails by one click would lock themselves out.
pub(crate) fn is_needed(name: &TemplateName) -> bool {
    matches!(name.as_str(), "invitation" | "verification" | "password_reset")
}

/// What the product's template of a name says.
pub(crate) fn content(name: &TemplateName) -> Option<TemplateContent> {
    let (subject, text, html) = match name.as_str() {
        "invitation" => (
            "{{ inviter }} invites you to {{ workspace.name }}",
            "Hello {{ name }},\n\n{{ inviter }} invites you to work with {{ workspace.name }}.\n\nJoin here: {{ url }}\n\nThe link holds for {{ hours }} hours.\n",
            "<p>Hello {{ name }},</p>\n<p>{{ inviter }} invites you to work with <b>{{ workspace.name }}</b>.</p>\n<p><a href=\"{{ url }}\">Join {{ workspace.name }}</a></p>\n<p>The link holds for {{ hours }} hours.</p>\n",
        ),
        "verification" => (
            "Confirm your e-mail address",
            "Hello {{ name }},\n\nconfirm that this address is yours: {{ url }}\n\nThe link holds for {{ hours }} hours. If you did not ask for this, do nothing.\n",
            "<p>Hello {{ name }},</p>\n<p><a href=\"{{ url }}\">Confirm that this address is yours</a></p>\n<p>The link holds for {{ hours }} hours. If you did not ask for this, do nothing.</p>\n",
        ),
        "password_reset" => (
            "Set a new password",
            "Hello {{ name }},\n\nset a new password here: {{ url }}\n\nThe link works once and holds for {{ hours }} hours. If you did not ask for this, do nothing: your password stays as it is.\n",
            "<p>Hello {{ name }},</p>\n<p><a href=\"{{ url }}\">Set a new password</a></p>\n<p>The link works once and holds for {{ hours }} hours. If you did not ask for this, do nothing: your password stays as it is.</p>\n",
        ),
        "reminder" => (
            "Reminder: {{ task.title }}",
            "Hello {{ name }},\n\n{{ task.title }} is due {{ task.due }}.\n",
            "<p>Hello {{ name }},</p>\n<p><b>{{ task.title }}</b> is due {{ task.due }}.</p>\n",
        ),
        "digest" => (
            "{{ workspace.name }}: your day",
            "Hello {{ name }},\n\n{% if tasks %}due today:\n{% for task in tasks %}- {{ task.title }} ({{ task.due }})\n{% endfor %}{% else %}nothing is due today.\n{% endif %}",
            "<p>Hello {{ name }},</p>\n{% if tasks %}<p>Due today:</p>\n<ul>\n{% for task in tasks %}<li>{{ task.title }} ({{ task.due }})</li>\n{% endfor %}</ul>\n{% else %}<p>Nothing is due today.</p>\n{% endif %}",
        ),
        "webhook_disabled" => (
            "A webhook endpoint was disabled: {{ webhook.host }}",
            "Hello {{ name }},\n\nnothing is sent any more to the webhook endpoint of {{ workspace.name }} at {{ webhook.host }}: {{ webhook.reason }}. The log of its deliveries says what was sent and answered.\n\nWhat happens until it is enabled again is not sent later. Enable it with\n\n    slackcrm webhooks enable {{ webhook.id }}\n\nor over HTTP by PUT /api/v1/webhook-endpoints/{{ webhook.id }} with the status enabled.\n",
            "<p>Hello {{ name }},</p>\n<p>nothing is sent any more to the webhook endpoint of <b>{{ workspace.name }}</b> at <b>{{ webhook.host }}</b>: {{ webhook.reason }}. The log of its deliveries says what was sent and answered.</p>\n<p>What happens until it is enabled again is not sent later. Enable it with <code>slackcrm webhooks enable {{ webhook.id }}</code>, or over HTTP by <code>PUT /api/v1/webhook-endpoints/{{ webhook.id }}</code> with the status <code>enabled</code>.</p>\n",
        ),
        _ => return None,
    };
    let (foot, foot_html) = if is_needed(name) { ("", "") } else { (UNSUBSCRIBE, UNSUBSCRIBE_HTML) };
    Some(TemplateContent {
        subject: subject.to_owned(),
        text: Some(format!("{text}{foot}")),
        html: Some(format!("{HEAD}{html}{foot_html}{FOOT}")),
    })
}

/// What the variables of a preview hold where nobody says it: everything that the product's templates name.
pub(crate) fn sample() -> Map<String, Value> {
    let task = |title: &str, due: &str| json!({"title": title, "due": due});
    let sample = json!({
        "name": "Ada Lovelace",
        "inviter": "Grace Hopper",
        "url": "https://crm.example.com/join/sample",
        "hours": 24,
        "task": task("Call Babbage Engines", "today at 15:00"),
        "webhook": {
            "id": "019a1c5e-7b00-7000-8000-000000000015",
            "host": "hooks.example.com",
            "reason": "it has taken no message for five days",
        },
        "tasks": [task("Call Babbage Engines", "15:00"), task("Write the offer", "17:30")],
    });
    match sample {
        Value::Object(sample) => sample,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::language::Language;
    use super::*;

    #[test]
    fn every_template_of_the_product_renders_with_the_sample() {
        let mut variables = sample();
        variables.insert("workspace".to_owned(), json!({"name": "Acme Sales"}));
        variables.insert("unsubscribe_url".to_owned(), json!("https://crm.example.com/unsubscribe/x"));
        let mut count = 0;
        for name in names() {
            let checked = content(&name).unwrap().checked().unwrap();
            let rendered = Language::render(&checked, &variables).unwrap();
            assert!(!rendered.subject.is_empty() && rendered.text.is_some() && rendered.html.is_some(), "{name}");
            count += 1;
        }
        assert_eq!(count, NAMES.len());
    }

    #[test]
    fn a_digest_of_some_hundred_tasks_renders() {
        let mut variables = sample();
        variables.insert("workspace".to_owned(), json!({"name": "Acme Sales"}));
        variables.insert("unsubscribe_url".to_owned(), json!("https://crm.example.com/unsubscribe/x"));
        let tasks: Vec<_> = (0..300).map(|at| json!({"title": format!("Call {at}"), "due": "15:00"})).collect();
        variables.insert("tasks".to_owned(), json!(tasks));
        let digest = content(&"digest".parse().unwrap()).unwrap();
        assert!(Language::render(&digest, &variables).unwrap().text.unwrap().contains("Call 299"));
    }
}
