//! Every method that a host may call, kept as a list: what a language package is checked against.
//!
//! The services are what `Session` and `Crm` hand out by a method without parameters; a service that
//! nobody hands out is found by no host either.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Pat, ReturnType, Type, Visibility};

use crate::project::Text;

/// The types through which a host reaches everything else, with the names that they have in the list.
const DOORS: [(&str, &str); 2] = [("Crm", "crm"), ("Session", "session")];

/// The list: `service.method(parameters)`, one a line, in alphabetical order.
pub(crate) fn methods(sources: &[Text]) -> Result<Vec<String>> {
    let mut owners: BTreeMap<String, Vec<ImplItemFn>> = BTreeMap::new();
    let core = |source: &&Text| source.path.starts_with("crm-core/src/") && !source.path.contains("/testkit/");
    for source in sources.iter().filter(core) {
        let file = syn::parse_file(&source.text).with_context(|| format!("parse {}", source.path))?;
        for item in file.items {
            let Item::Impl(block) = item else { continue };
            let Some(owner) = owner(&block) else { continue };
            let methods = block.items.into_iter().filter_map(|item| match item {
                ImplItem::Fn(method) if is_open(&method) => Some(method),
                _ => None,
            });
            owners.entry(owner).or_default().extend(methods);
        }
    }
    let mut services: BTreeMap<String, String> = BTreeMap::new();
    for (door, name) in DOORS {
        services.insert(door.to_owned(), name.to_owned());
        let handed_out = owners.get(door).into_iter().flatten().filter_map(handed_out);
        services.extend(handed_out.filter(|(service, _)| owners.contains_key(service)));
    }
    let line =
        |name: &str, method: &ImplItemFn| format!("{name}.{}({})", method.sig.ident, parameters(method).join(", "));
    let mut lines = BTreeSet::new();
    for (service, name) in &services {
        let own = owners.get(service).into_iter().flatten();
        lines.extend(own.filter(|method| method.sig.receiver().is_some()).map(|method| line(name, method)));
    }
    Ok(lines.into_iter().collect())
}

/// The type of an `impl` block without a trait that is not a test.
fn owner(block: &ItemImpl) -> Option<String> {
    if block.trait_.is_some() || block.attrs.iter().any(is_conditional) {
        return None;
    }
    simple(&block.self_ty)
}

/// The name of a type that is a name and nothing else.
fn simple(kind: &Type) -> Option<String> {
    let Type::Path(path) = kind else { return None };
    path.path.get_ident().map(ToString::to_string)
}

fn is_open(method: &ImplItemFn) -> bool {
    matches!(method.vis, Visibility::Public(_)) && !method.attrs.iter().any(is_conditional)
}

fn is_conditional(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}

/// The service that a method of a door hands out, and its name there.
fn handed_out(method: &ImplItemFn) -> Option<(String, String)> {
    let ReturnType::Type(_, kind) = &method.sig.output else { return None };
    let is_plain = method.sig.asyncness.is_none() && method.sig.inputs.len() == 1 && method.sig.receiver().is_some();
    simple(kind).filter(|kind| is_plain && kind != "Timestamp").map(|service| (service, method.sig.ident.to_string()))
}

/// The names of a method's parameters.
fn parameters(method: &ImplItemFn) -> Vec<String> {
    let name = |argument: &FnArg| match argument {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => Some(name.ident.to_string()),
            _ => Some("_".to_owned()),
        },
        FnArg::Receiver(_) => None,
    };
    method.sig.inputs.iter().filter_map(name).collect()
}

/// Lines that one list has and the other has not.
pub(crate) fn differences(kept: &str, found: &[String]) -> Vec<String> {
    let kept: BTreeSet<&str> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let gone = kept.difference(&found).map(|line| format!("{line} is in docs/facade.txt alone"));
    gone.chain(found.difference(&kept).map(|line| format!("{line} is not in docs/facade.txt"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Text {
        Text { path: path.into(), text: text.into() }
    }

    #[test]
    fn what_a_door_hands_out_is_listed_and_nothing_else() {
        let door =
            "impl Session { pub fn deals(&self) -> Deals {} pub async fn search(&self, q: &str) {} fn own(&self) {} }";
        let deals = "impl Deals { pub async fn move_to(&self, id: u8, to: u8) {} pub(crate) fn new(s: u8) -> Self {} }\
            impl Clone for Deals { fn clone(&self) -> Self {} } #[cfg(test)] impl Deals { pub fn odd(&self) {} }";
        let other = "impl Rows { pub fn cut(&self) {} }";
        let kit = source("crm-core/src/testkit/deals.rs", "impl Deals { pub fn fake(&self) {} }");
        let sources = [source("crm-core/src/a.rs", door), source("crm-core/src/b.rs", deals), kit];
        let mut sources: Vec<Text> = sources.into();
        sources.push(source("crm-core/src/c.rs", other));
        let found = methods(&sources).unwrap();
        assert_eq!(found, ["deals.move_to(id, to)", "session.deals()", "session.search(q)"]);
        assert_eq!(differences("# why\ndeals.gone()\nsession.deals()\n", &found).len(), 3);
        assert!(differences(&found.join("\n"), &found).is_empty());
    }
}
