//! `slackcrm register` and `slackcrm workspace`.

use crm_core::Crm;
use crm_core::auth::Register as Registration;

use crate::args::{Output, Register, Workspace};
use crate::failure::Failure;
use crate::print::Sheet;

/// Makes or lists workspaces.
pub(crate) async fn run(crm: &Crm, verb: &Workspace, output: Output) -> Result<(), Failure> {
    let workspaces = match verb {
        Workspace::Create { name } => vec![crm.create_workspace(name).await?],
        Workspace::List => crm.workspaces().await?,
    };
    let mut sheet = Sheet::new(&["Id", "Name", "Time zone", "Currency", "Created"]);
    for workspace in &workspaces {
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
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let registration = Registration {
        workspace_name: register.workspace_name.clone(),
        email: register.email.parse()?,
        password: password.trim_end_matches(['\r', '\n']).into(),
        name: register.name.clone(),
    };
    let registered = crm.auth().register(registration, "cli").await?;
    println!("workspace {} ({})", registered.workspace.name, registered.workspace.id);
    println!("admin {} ({})", register.email, registered.user.id);
    Ok(())
}
