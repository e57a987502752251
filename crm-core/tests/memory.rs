//! Every law, on the store in memory.
#![cfg(feature = "testkit")]

use std::sync::Arc;

use crm_core::testkit::MemoryStore;

async fn open() -> Arc<MemoryStore> {
    MemoryStore::new()
}

crm_core::testkit::suite!(open);
