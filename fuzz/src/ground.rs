//! The files of the ground: log segments, block files, manifests.
//!
//! A checksum keeps a fuzzer out, so each target runs its input as it is and once more with the checksums made
//! right: a reader may trust a checksum to notice rot, never to make bytes well-formed.

use std::path::Path;
use std::sync::Arc;

use bedrock::block::{BlockFile, FileKind, Page};
use bedrock::disk::{Disk, MemDisk};
use bedrock::manifest::{self, StoreKind};
use bedrock::wal::{Wal, WalOptions, WalPosition, repair, replay};

const WAL_HEADER_BYTES: usize = 28;
const WAL_FRAME_BYTES: usize = 16;
const BLOCK_HEADER_BYTES: usize = 16;
const BLOCK_TRAILER_BYTES: usize = 32;

/// A disk with one file.
fn disk_with(path: &str, bytes: &[u8]) -> MemDisk {
    let disk = MemDisk::new();
    let path = Path::new(path);
    let dir = path.parent().unwrap_or(Path::new(""));
    let written = disk.create_dir(dir).and_then(|()| disk.create(path)?.append(bytes));
    assert!(written.is_ok(), "a disk in memory does not fail");
    disk
}

/// A log whose only segment is the input: replay delivers records or names the damage, a repair makes the log open,
/// and an opened log takes a record and gives it back.
pub fn wal(input: &[u8]) {
    for bytes in [input.to_vec(), with_right_wal_checksums(input)] {
        wal_of(&bytes);
    }
}

fn wal_of(bytes: &[u8]) {
    let dir = Path::new("wal");
    let disk = Arc::new(disk_with("wal/0000000000000001.wal", bytes));
    let mut delivered = 0;
    let replayed = replay(&*disk, dir, WalPosition::START, |record| {
        delivered += record.payload.len() as u64;
        Ok(())
    });
    assert!(delivered <= bytes.len() as u64);
    if replayed.is_err() && repair(&*disk, dir, WalPosition::START).is_err() {
        return;
    }
    let opened = Wal::open(disk.clone(), dir, WalOptions::default(), WalPosition::START, |_| Ok(()));
    let Ok((wal, before)) = opened else { panic!("a log that replays or was repaired does not open") };
    assert!(wal.commit(b"one more").and_then(|_| wal.close()).is_ok());
    let after = replay(&*disk, dir, WalPosition::START, |_| Ok(()));
    assert!(after.is_ok_and(|after| after.records == before.records + 1));
}

/// The input with the CRC of the header, and of every frame that the lengths lead to, made right.
fn with_right_wal_checksums(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if bytes.len() < WAL_HEADER_BYTES {
        return bytes;
    }
    let crc = crc32fast::hash(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    let mut at = WAL_HEADER_BYTES;
    while let Some(frame) = bytes.get(at..at + WAL_FRAME_BYTES) {
        let len = frame[4..8].iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
        let payload_at = at + WAL_FRAME_BYTES;
        let Some(payload) = bytes.get(payload_at..payload_at.saturating_add(len)) else { break };
        let payload_crc = crc32fast::hash(payload);
        bytes[at + 12..at + 16].copy_from_slice(&payload_crc.to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&1u64.to_le_bytes());
        hasher.update(&(at as u64).to_le_bytes());
        hasher.update(&bytes[at + 4..at + 16]);
        bytes[at..at + 4].copy_from_slice(&hasher.finalize().to_le_bytes());
        at = payload_at + len;
    }
    bytes
}

/// A block file that is the input: it opens or says why not, and what it lists can be read or is named as damaged.
pub fn block(input: &[u8]) {
    for bytes in [input.to_vec(), with_right_block_checksums(input)] {
        let disk = disk_with("block", &bytes);
        let kind = FileKind { tag: *b"GOLD", version: 1 };
        let Ok(file) = BlockFile::open(&disk, Path::new("block"), kind) else { continue };
        let damaged = file.verify().len();
        let unreadable = file.sections().filter(|section| file.section(section.name).is_err()).count();
        assert_eq!(damaged, unreadable);
        for section in file.sections() {
            let page = Page { offset: section.offset, bytes: section.bytes as u32 };
            let payload_bytes = file.page(page).map_or(page.bytes as usize, |payload| payload.len());
            assert_eq!(payload_bytes, page.bytes as usize);
        }
    }
}

fn with_right_block_checksums(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let len = bytes.len();
    if len < BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES {
        return bytes;
    }
    let trailer_at = len - BLOCK_TRAILER_BYTES;
    let footer_at = bytes[trailer_at..trailer_at + 4].iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let footer_at = footer_at.clamp(BLOCK_HEADER_BYTES, trailer_at);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..BLOCK_HEADER_BYTES]);
    hasher.update(&bytes[footer_at..trailer_at]);
    let trailer = &mut bytes[trailer_at..];
    trailer[..8].copy_from_slice(&(footer_at as u64).to_le_bytes());
    trailer[8..12].copy_from_slice(&((trailer_at - footer_at) as u32).to_le_bytes());
    trailer[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
    trailer[16..24].copy_from_slice(&(len as u64).to_le_bytes());
    let crc = crc32fast::hash(&trailer[..24]);
    trailer[24..28].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// A manifest that is the input: it reads or says why not, and what reads is consistent.
pub fn manifest(input: &[u8]) {
    let mut right = input.to_vec();
    if let Some(body_bytes) = right.len().checked_sub(4) {
        let crc = crc32fast::hash(&right[..body_bytes]);
        right[body_bytes..].copy_from_slice(&crc.to_le_bytes());
    }
    for bytes in [input, &right] {
        let disk = disk_with("store/manifest", bytes);
        let kind = StoreKind { tag: *b"GOLD", version: 1 };
        if let Ok(state) = manifest::read(&disk, Path::new("store"), kind) {
            let state = state.unwrap_or_default();
            assert!(state.blocks.iter().all(|block| *block < state.next_block));
            assert!(state.payload.len() <= bytes.len());
        }
    }
}
