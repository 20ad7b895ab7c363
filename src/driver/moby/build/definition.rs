//! Sources of files in the builder's own language, for named contexts that the Dockerfile's language has no word for.

use std::collections::HashMap;

use bollard_buildkit_proto::pb::SourceOp;
use bollard_buildkit_proto::pb::file_action::Action;
use bollard_buildkit_proto::pb::op::Op as Kind;
use bollard_buildkit_proto::pb::{Definition, FileAction, FileActionCopy, FileOp, Input, Op, OpMetadata, Platform};
use prost::Message as _;

use crate::base::digest::Digest;

/// No input: an empty file system.
const NOTHING: i64 = -1;
/// Owner, mode and times as they are.
const KEPT: i32 = -1;

/// The files of an archive. `name` is what progress calls it.
pub(super) fn unpacked(address: &str, name: &str) -> Definition {
    let attrs = HashMap::from([("http.filename".to_owned(), "context".to_owned())]);
    let mut chain = Chain::default();
    let source = Kind::Source(SourceOp { identifier: address.to_owned(), attrs });
    chain.put(Op { op: Some(source), ..Op::default() }, name);
    let copy = FileActionCopy {
        src: "/context".to_owned(),
        dest: "/".to_owned(),
        mode: KEPT,
        timestamp: KEPT.into(),
        attempt_unpack_docker_compatibility: true,
        ..FileActionCopy::default()
    };
    let action = FileAction { input: NOTHING, secondary_input: 0, output: 0, action: Some(Action::Copy(copy)) };
    chain.put(Op { op: Some(Kind::File(FileOp { actions: vec![action] })), ..Op::default() }, name);
    chain.end()
}

/// The files of an image that the engine has.
pub(super) fn image(reference: &str, platform: Platform) -> Definition {
    let attrs = HashMap::from([("image.resolvemode".to_owned(), "local".to_owned())]);
    let source = Kind::Source(SourceOp { identifier: format!("docker-image://{reference}"), attrs });
    let mut chain = Chain::default();
    chain.put(Op { op: Some(source), platform: Some(platform), ..Op::default() }, &format!("FROM {reference}"));
    chain.end()
}

/// Operations, each on top of the one before.
#[derive(Default)]
struct Chain {
    definition: Definition,
    last: Option<String>,
}

impl Chain {
    fn put(&mut self, mut op: Op, name: &str) {
        op.inputs.extend(self.last.take().map(|digest| Input { digest, index: 0 }));
        let description = HashMap::from([("llb.customname".to_owned(), name.to_owned())]);
        self.last = Some(self.add(&op, OpMetadata { description, ..OpMetadata::default() }));
    }

    /// The result is marked by an operation that does nothing.
    fn end(mut self) -> Definition {
        let inputs = self.last.take().map(|digest| Input { digest, index: 0 });
        self.add(&Op { inputs: inputs.into_iter().collect(), ..Op::default() }, OpMetadata::default());
        self.definition
    }

    fn add(&mut self, op: &Op, metadata: OpMetadata) -> String {
        let bytes = op.encode_to_vec();
        let digest = format!("{:#}", Digest::of(&bytes));
        self.definition.def.push(bytes);
        self.definition.metadata.insert(digest.clone(), metadata);
        digest
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_operation_names_the_one_before_by_its_digest() {
        let made = unpacked("http://buildkit-session/0", "load");
        let ops: Vec<Op> = made.def.iter().map(|bytes| Op::decode(bytes.as_slice()).unwrap()).collect();
        assert!(ops[0].inputs.is_empty());
        for (number, op) in ops.iter().enumerate().skip(1) {
            let before = format!("{:#}", Digest::of(&made.def[number - 1]));
            assert!(before.starts_with("sha256:"), "{before}");
            assert_eq!(op.inputs, [Input { digest: before.clone(), index: 0 }]);
            assert!(made.metadata.contains_key(&before));
        }
        assert_eq!((ops.len(), ops[2].op.is_none()), (3, true));
    }
}
