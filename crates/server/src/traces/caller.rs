//! The trace of whoever asks, as W3C Trace Context writes it: in the headers of a request, and in what nodes
//! tell each other.

use hyper::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: &str = "traceparent";
/// Longer ones are of nobody who keeps to the rules.
const TRACESTATE_MAX: usize = 512;

/// What a request says of its caller's trace, if it says something that can be read.
pub(crate) fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    // Two of them contradict each other.
    let mut all = headers.get_all(TRACEPARENT).iter();
    let (Some(_), None) = (all.next(), all.next()) else { return None };
    extracted(&Headers(headers))
}

/// The span that such a text names.
pub(crate) fn parse(text: &str) -> Option<SpanContext> {
    extracted(&Text(text))
}

/// As such a text.
pub(crate) fn traceparent(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8() & 1)
}

fn extracted(from: &dyn Extractor) -> Option<SpanContext> {
    let found = TraceContextPropagator::new().extract_with_context(&Context::new(), from);
    Some(found.span().span_context().clone()).filter(SpanContext::is_valid)
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok().filter(|text| text.len() <= TRACESTATE_MAX)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

struct Text<'a>(&'a str);

impl Extractor for Text<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const WELL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_was_written_is_read_and_comes_from_elsewhere() {
        let read = caller(&headers(&[WELL])).unwrap();
        assert_eq!(traceparent(&read), WELL);
        assert!(read.is_remote() && read.is_sampled());
        assert_eq!(parse(WELL), Some(read));
        assert!(!parse(&WELL.replace("-01", "-00")).unwrap().is_sampled());
    }

    #[test]
    fn what_is_no_traceparent_or_stands_there_twice_is_none() {
        let broken = [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "'; drop table users",
        ];
        for text in broken {
            assert_eq!(caller(&headers(&[text])), None, "{text}");
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(caller(&headers(&[WELL, WELL])), None);
        assert_eq!(caller(&headers(&[])), None);
    }
}
