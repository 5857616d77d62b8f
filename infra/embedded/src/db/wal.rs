//! Reads a WAL as it lies on disk, before SQLite does (SQLite, "Database File Format", section 4). Not for writing one.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};

const HEADER: usize = 32;
const FRAME: usize = 24;
/// The lowest bit says in which byte order the checksums were made: set, it is big-endian.
const MAGIC: u32 = 0x377f_0682;

/// Every committed image of page `number`, oldest first. What SQLite would not replay is left out: what comes behind the first
/// frame that isn't whole, and what was not committed.
pub(super) fn images(wal: File, number: u32) -> std::io::Result<Vec<Vec<u8>>> {
    let mut wal = BufReader::with_capacity(1 << 20, wal);
    let mut header = [0; HEADER];
    if !filled(&mut wal, &mut header)? || word(&header, 0) & !1 != MAGIC {
        return Ok(Vec::new());
    }
    let page_size = word(&header, 8);
    let mut sum = Checksum { big_endian: word(&header, 0) & 1 == 1, value: (0, 0) };
    sum.add(&header[..24]);
    if sum.value != (word(&header, 24), word(&header, 28)) || !(512..=65_536).contains(&page_size) {
        return Ok(Vec::new());
    }
    let (mut committed, mut open) = (Vec::new(), Vec::new());
    let mut frame = vec![0; FRAME + page_size as usize];
    while filled(&mut wal, &mut frame)? {
        let (head, page) = frame.split_at(FRAME);
        sum.add(&head[..8]);
        sum.add(page);
        if head[8..16] != header[16..24] || sum.value != (word(head, 16), word(head, 20)) {
            break;
        }
        if word(head, 0) == number {
            open.push(page.to_vec());
        }
        let commits = word(head, 4) != 0;
        if commits {
            committed.append(&mut open);
        }
    }
    Ok(committed)
}

/// Over all that came before, too.
struct Checksum {
    big_endian: bool,
    value: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.value;
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        for words in bytes.chunks_exact(8) {
            first = first.wrapping_add(read([words[0], words[1], words[2], words[3]])).wrapping_add(second);
            second = second.wrapping_add(read([words[4], words[5], words[6], words[7]])).wrapping_add(first);
        }
        self.value = (first, second);
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Whether there was so much left.
fn filled(wal: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match wal.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
