//! What only a store's own tests can do: tamper with the rows behind its back.
