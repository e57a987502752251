//! What one process tells the others: who it is, and the workspace that it has written to.

use crm_core::Id;
use crm_core::workspace::Workspace;
use uuid::Uuid;

/// The message of a commit.
pub(super) fn write(whose: Uuid, workspace: Id<Workspace>) -> String {
    format!("{whose} {workspace}")
}

/// Whose message it is and of which workspace; none where it is no message.
pub(super) fn read(message: &[u8]) -> Option<(Uuid, Id<Workspace>)> {
    let (whose, workspace) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    Some((whose.parse().ok()?, workspace.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_whose_it_is_and_what_is_none_says_nothing() {
        let (whose, workspace) = (Uuid::now_v7(), Id::from(Uuid::now_v7()));
        assert_eq!(read(write(whose, workspace).as_bytes()), Some((whose, workspace)));
        for none in [&b""[..], b"x", b"x y", b"\xff\xfe", whose.to_string().as_bytes()] {
            assert_eq!(read(none), None);
        }
    }
}
