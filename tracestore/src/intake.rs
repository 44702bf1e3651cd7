//! What commits share: resources and scopes that came lately, and contexts to compress with.

use std::sync::{Arc, Mutex, PoisonError};

use bedrock::codec::zstd_page::ZstdEncoder;
use rustc_hash::FxHashMap;

use crate::model::{Resource, Scope};
use crate::otlp::{OtlpError, proto};
use crate::records;

/// Bytes of messages that are remembered; then all are forgotten.
const KNOWN_BYTES_MAX: usize = 4 << 20;

/// Shared by the commits of a store.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    resources: Known<Resource>,
    scopes: Known<Scope>,
    /// Contexts that wait for their next use: one takes longer to make than most requests to compress.
    encoders: Mutex<Vec<ZstdEncoder>>,
}

/// Decoded messages by their bytes: a sender repeats its own in every request.
#[derive(Debug)]
struct Known<T> {
    state: Mutex<KnownState<T>>,
}

#[derive(Debug)]
struct KnownState<T> {
    messages: FxHashMap<Box<[u8]>, Arc<T>>,
    bytes: usize,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known { state: Mutex::new(KnownState { messages: FxHashMap::default(), bytes: 0 }) }
    }
}

impl<T> Known<T> {
    /// The decoded form of a message, where it is known and `fits`; otherwise what `decode` makes of it.
    fn get(
        &self,
        message: &[u8],
        fits: impl Fn(&T) -> bool,
        decode: impl FnOnce() -> Result<T, OtlpError>,
    ) -> Result<Arc<T>, OtlpError> {
        let state = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state().messages.get(message).filter(|known| fits(known)) {
            return Ok(Arc::clone(known));
        }
        let decoded = Arc::new(decode()?);
        let mut state = state();
        state.bytes += message.len();
        if state.bytes > KNOWN_BYTES_MAX {
            state.messages.clear();
            state.bytes = message.len();
        }
        state.messages.insert(message.into(), Arc::clone(&decoded));
        Ok(decoded)
    }
}

impl Intake {
    /// Reads the bytes of a resource.
    pub(crate) fn resource(&self, message: &[u8], schema: &str) -> Result<Arc<Resource>, OtlpError> {
        let fits = |known: &Resource| known.schema_url == schema;
        self.resources.get(message, fits, || proto::resource(message, schema))
    }

    /// Reads the bytes of a scope.
    pub(crate) fn scope(&self, message: &[u8], schema: &str) -> Result<Arc<Scope>, OtlpError> {
        let fits = |known: &Scope| known.schema_url == schema;
        self.scopes.get(message, fits, || proto::scope(message, schema))
    }

    /// A record of a request.
    pub(crate) fn record(&self, request: &[u8]) -> Vec<u8> {
        let waiting = || self.encoders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut encoder = waiting().pop().unwrap_or_else(records::encoder);
        let record = records::encode(request, &mut encoder);
        waiting().push(encoder);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Attribute;

    fn message(name: &str) -> Vec<u8> {
        // A resource with one attribute: the fields of a key and of a value that is a text.
        let value = [&[0x0a, name.len() as u8], name.as_bytes()].concat();
        let attribute = [&[0x0a, 1, b'k', 0x12, value.len() as u8], value.as_slice()].concat();
        [&[0x0a, attribute.len() as u8], attribute.as_slice()].concat()
    }

    #[test]
    fn the_same_bytes_are_the_same_resource_but_for_their_schema() -> Result<(), OtlpError> {
        let intake = Intake::default();
        let first = intake.resource(&message("a"), "s")?;
        assert_eq!(first.attributes, [Attribute::new("k", "a")]);
        assert!(Arc::ptr_eq(&first, &intake.resource(&message("a"), "s")?));
        assert_eq!(intake.resource(&message("a"), "other")?.schema_url, "other");
        assert_eq!(intake.resource(&message("b"), "s")?.attributes, [Attribute::new("k", "b")]);
        assert!(intake.resource(&[0xff], "s").is_err());
        Ok(())
    }

    #[test]
    fn what_is_known_is_bounded() -> Result<(), OtlpError> {
        let known: Known<usize> = Known::default();
        for number in 0..100usize {
            let message = vec![number as u8; KNOWN_BYTES_MAX / 10];
            assert_eq!(*known.get(&message, |_| true, || Ok(number))?, number);
            let state = known.state.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(state.bytes <= KNOWN_BYTES_MAX && (1..=10).contains(&state.messages.len()));
        }
        Ok(())
    }
}
