//! The secret that is made beside a database.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use crm_boot::{Backend, Booted, Config};
use crm_core::Result;
use crm_core::testkit::MemoryStore;

struct Ready;

#[async_trait]
impl Backend for Ready {
    async fn ready(&self) -> Result<()> {
        Ok(())
    }
}

fn start(database: &Path) -> Result<Booted> {
    let config = Config::for_database(&format!("sqlite://{}", database.display()))?;
    Booted::on(MemoryStore::new(), Arc::new(Ready), config)
}

#[tokio::test]
async fn a_secret_is_made_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm.db");
    start(&database).unwrap();
    let file = folder.path().join("crm.db.secret");
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!(secret.trim_end().len(), 43);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    start(&database).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn starts_at_once_agree_on_one_secret() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("crm.db");
        let runtime = tokio::runtime::Handle::current();
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let (database, runtime) = (database.clone(), runtime.clone());
                std::thread::spawn(move || {
                    let _entered = runtime.enter();
                    start(&database).unwrap();
                    fs::read_to_string(database.with_extension("db.secret")).unwrap()
                })
            })
            .collect();
        let mut secrets: Vec<String> = starts.into_iter().map(|start| start.join().unwrap()).collect();
        secrets.dedup();
        assert_eq!(secrets.len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_secret_that_others_may_read_or_that_is_weak_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("crm.db");
    start(&database).unwrap();
    let file = folder.path().join("crm.db.secret");
    let refusal = || {
        let error = start(&database).err().unwrap();
        assert_eq!(error.fields()[0].field, file.display().to_string());
        error.fields()[0].code.to_string()
    };
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(refusal(), "exposed_secret");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "").unwrap();
    assert_eq!(refusal(), "weak_secret");
}

#[tokio::test]
async fn postgres_needs_a_secret() {
    let config = Config::for_database("postgres://localhost/crm").unwrap();
    let error = Booted::on(MemoryStore::new(), Arc::new(Ready), config).err().unwrap();
    assert_eq!(error.fields()[0].field, "SLACKCRM_SECRET_KEY");
}
