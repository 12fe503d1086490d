//! The bodies of requests: understood, and then the same when read again; or answered with a problem document.

use anteroom::fuzzing::http::body;

use crate::draw::Draw;

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let kind = draw.byte();
    match body(kind, draw.0) {
        Ok(understood) => {
            let again = body(kind, &understood).expect("what was understood is understood again");
            assert_eq!(again, understood);
        }
        Err(problem) => {
            assert!(matches!(problem.status, 400 | 422), "{problem:?}");
            let read: serde_json::Value =
                serde_json::from_slice(&problem.body).expect("a problem is JSON");
            assert_eq!(read["status"], problem.status, "{read}");
            let is_named = read["code"] == "bad_request"
                || read["errors"].as_array().is_some_and(|errors| !errors.is_empty());
            assert!(is_named, "{read}");
        }
    }
}
