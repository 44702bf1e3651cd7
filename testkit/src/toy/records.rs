//! What a record of the log means: the lines of one batch.

use bedrock::{Error, Result};

/// Lines that become visible and durable together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In the order in which they were appended.
    pub lines: Vec<String>,
}

impl Batch {
    /// Adds a line.
    pub fn append(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in &self.lines {
            bytes.extend_from_slice(&(line.len() as u32).to_le_bytes());
            bytes.extend_from_slice(line.as_bytes());
        }
        bytes
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Batch> {
        let mut batch = Batch::default();
        while !bytes.is_empty() {
            let (line, rest) = take_line(bytes).ok_or_else(|| Error::Invalid {
                what: "record of the toy store",
                problem: format!("{} bytes are no line", bytes.len()),
            })?;
            batch.append(line);
            bytes = rest;
        }
        Ok(batch)
    }
}

fn take_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (line, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((std::str::from_utf8(line).ok()?, rest))
}
