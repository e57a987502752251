//! `slackcrm register` and `slackcrm workspace`.

use std::io::IsTerminal as _;

use console::Term;
use crm_core::Crm;
use crm_core::auth::Register as Registration;
use crm_core::workspace::Workspace;

use crate::args::{Output, Register};
use crate::failure::Failure;
use crate::print::Sheet;

/// Makes a workspace.
pub(crate) async fn create(crm: &Crm, name: &str, output: Output) -> Result<(), Failure> {
    print(&[crm.create_workspace(name).await?], output)
}

/// Lists all workspaces.
pub(crate) async fn list(crm: &Crm, output: Output) -> Result<(), Failure> {
    print(&crm.workspaces().await?, output)
}

fn print(workspaces: &[Workspace], output: Output) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["Id", "Name", "Time zone", "Currency", "Created"]);
    for workspace in workspaces {
        sheet.row(vec![
            workspace.id.to_string(),
            workspace.name.clone(),
            workspace.time_zone.to_string(),
            workspace.currency.to_string(),
            workspace.created_at.to_string(),
        ]);
    }
    sheet.print(output, &workspaces)
}

/// Creates a workspace and its first admin.
pub(crate) async fn register(crm: &Crm, register: &Register) -> Result<(), Failure> {
    let password = match std::io::stdin().is_terminal() {
        true => asked_password()?,
        false => piped_password()?,
    };
    let registration = Registration {
        workspace_name: register.workspace_name.clone(),
        email: register.email.parse()?,
        password: password.into(),
        name: register.name.clone(),
    };
    let registered = crm.auth().register(registration, "cli").await?;
    println!("workspace {} ({})", registered.workspace.name, registered.workspace.id);
    println!("admin {} ({})", register.email, registered.user.id);
    Ok(())
}

/// The first line of standard input.
fn piped_password() -> Result<String, Failure> {
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// What a person types twice, without showing it.
fn asked_password() -> Result<String, Failure> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::new("standard error is no terminal to ask for the password on")
            .hint("give the password on standard input"));
    }
    let ask = |prompt: &str| -> std::io::Result<String> {
        terminal.write_str(prompt)?;
        terminal.read_secure_line()
    };
    let password = ask("password: ")?;
    match ask("the same again: ")? == password {
        true => Ok(password),
        false => Err(Failure::new("the passwords differ")),
    }
}
