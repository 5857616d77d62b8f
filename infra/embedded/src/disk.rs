//! What lies under the database: whether a file system can keep what is promised, and how much room there is.

use std::path::Path;

/// A file system, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    /// Nothing is known against it.
    Local,
    /// Another machine's: no shared memory, and locks and syncs as its server likes (SQLite, "Write-Ahead Logging", section 1).
    Network(&'static str),
    /// A program stands for it, which may be on this machine or another.
    Unknown(&'static str),
    /// Gone with the power.
    Memory(&'static str),
}

/// The numbers are those of statfs(2) on Linux.
const fn medium(kind: u32) -> Medium {
    match kind {
        0x6969 => Medium::Network("NFS"),
        0x517b => Medium::Network("SMB"),
        0xff53_4d42 => Medium::Network("CIFS"),
        0xfe53_4d42 => Medium::Network("SMB2"),
        0x5346_414f | 0x6b41_4653 => Medium::Network("AFS"),
        0x7375_7245 => Medium::Network("Coda"),
        0x564c => Medium::Network("NCP"),
        0x00c3_6400 => Medium::Network("Ceph"),
        0x0bd0_0bd0 => Medium::Network("Lustre"),
        0x4750_4653 => Medium::Network("GPFS"),
        0x1983_0326 => Medium::Network("BeeGFS"),
        0x6573_5546 => Medium::Unknown("FUSE (sshfs, virtiofs and others)"),
        0x0102_1997 => Medium::Unknown("9p"),
        0x786f_4256 => Medium::Unknown("a shared folder of VirtualBox"),
        0x0102_1994 => Medium::Memory("tmpfs"),
        0x8584_58f6 => Medium::Memory("ramfs"),
        _ => Medium::Local,
    }
}

/// Says what is wrong with the place of the database; a network's is given back, for it is to be refused.
pub(crate) fn network(database: &Path) -> Option<&'static str> {
    match medium(kind(directory(database))?) {
        Medium::Local => None,
        Medium::Network(name) => Some(name),
        Medium::Unknown(name) => {
            tracing::warn!(
                file_system = name,
                "the database may be on another machine: nothing can be promised where locks, shared memory and syncs are not this \
                 machine's; if it is, choose a directory on a disk of its own (--data)"
            );
            None
        }
        Medium::Memory(name) => {
            tracing::warn!(file_system = name, "the database is in memory: it is gone with the power");
            None
        }
    }
}

/// The free bytes of the file system that `path` is to be on, for whoever asks; `None`: nobody can tell.
pub fn free_bytes(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let free = rustix::fs::statvfs(directory(path)).ok()?;
        Some(free.f_bavail.saturating_mul(free.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _nobody = path;
        None
    }
}

/// The directory that a file is in.
fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(target_os = "linux")]
fn kind(directory: &Path) -> Option<u32> {
    let kind = rustix::fs::statfs(directory).ok()?.f_type;
    // Its width and sign are the architecture's; the numbers have 32 bits.
    u32::try_from(i128::from(kind) & 0xffff_ffff).ok()
}

#[cfg(not(target_os = "linux"))]
fn kind(_: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_by_their_numbers() {
        let table = [
            // ext4, xfs, btrfs, zfs, overlayfs
            (0xef53, Medium::Local),
            (0x5846_5342, Medium::Local),
            (0x9123_683e, Medium::Local),
            (0x2fc1_2fc1, Medium::Local),
            (0x794c_7630, Medium::Local),
            (0x6969, Medium::Network("NFS")),
            (0xff53_4d42, Medium::Network("CIFS")),
            (0xfe53_4d42, Medium::Network("SMB2")),
            (0x6573_5546, Medium::Unknown("FUSE (sshfs, virtiofs and others)")),
            (0x0102_1997, Medium::Unknown("9p")),
            (0x0102_1994, Medium::Memory("tmpfs")),
        ];
        for (kind, expected) in table {
            assert_eq!(medium(kind), expected, "{kind:#x}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_is_asked_about_the_directory() {
        assert!(matches!(kind(Path::new("/proc")), Some(0x9fa0)), "proc");
        assert!(free_bytes(Path::new("a file here")).is_some_and(|free| free > 0));
    }
}
