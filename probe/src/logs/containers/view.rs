//! A container's file system as the host sees it.
//!
//! What a container writes lies in the folder on top of its overlay, or in a volume; both are folders of the host and stay when its processes
//! end. Paths are resolved in the container's terms: a link means what it means in the container, whichever folder or volume it leads
//! to, and never anything of the host. Every step is taken by the kernel below a folder that is held open, and follows no link, so that
//! a container that changes names meanwhile leads nowhere.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{File, Metadata},
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    path::{Component, Path, PathBuf},
};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, openat2};

use crate::logs::discover::Tree;

/// Links on the way to one file, as the kernel has it.
const MOST_LINKS: usize = 40;

/// Names of one folder that are looked at.
const MOST_NAMES: usize = 100_000;

/// A folder or file of the host: a path that only the host's administrator or a runtime chose, resolved below another that is this process's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) base: PathBuf,
    pub(super) path: PathBuf,
}

impl Layer {
    /// Where it is for this process.
    pub(super) fn place(&self) -> PathBuf {
        below(&self.base, &self.path)
    }

    /// Opens what is below it, following no link.
    fn open(&self, rest: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let base = openat2(
            CWD,
            &self.base,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::empty(),
        )?;
        let path = self.path.strip_prefix("/").unwrap_or(&self.path);
        if rest.as_os_str().is_empty() {
            let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            return Ok(openat2(&base, path, flags | OFlags::CLOEXEC, Mode::empty(), IN_ROOT)?);
        }
        let layer = match path.as_os_str().is_empty() {
            true => base,
            false => openat2(
                &base,
                path,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
                IN_ROOT,
            )?,
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&layer, rest, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
    }

    /// Opens a file below it for reading, without waiting should it be a pipe.
    pub(super) fn open_file(&self, rest: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        Ok(File::from(self.open(rest, flags)?))
    }
}

const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// An absolute path below a folder.
pub(super) fn below(base: &Path, path: &Path) -> PathBuf {
    let rest = path.strip_prefix("/").unwrap_or(path);
    if rest.as_os_str().is_empty() { base.to_owned() } else { base.join(rest) }
}

/// A place in a container, and what is there: the layers of its root, or a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) at: PathBuf,
    /// The one that the container writes to first. Files are looked for there alone; the others tell folders and links.
    pub(super) layers: Vec<Layer>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    mounts: Vec<Mount>,
}

/// What a path leads to.
pub(super) struct Entry<'v> {
    /// The path without links, in the container.
    pub(super) path: PathBuf,
    /// Where the host has it: a layer, and the path below it.
    pub(super) layer: &'v Layer,
    pub(super) rest: PathBuf,
    metadata: Metadata,
    /// Whether the container can have written it.
    is_own: bool,
}

/// A folder on the way to a path.
pub(super) struct Near<'v> {
    /// The path without links, in the container.
    pub(super) path: PathBuf,
    /// Where the host has it: a layer, and the path below it.
    pub(super) layer: &'v Layer,
    pub(super) rest: PathBuf,
    /// Whether it is what was asked for.
    pub(super) is_whole: bool,
    /// Whether it lies in the container's root and in no volume.
    pub(super) is_of_root: bool,
}

impl Near<'_> {
    /// Where the host has it.
    pub(super) fn host(&self) -> PathBuf {
        below(&self.layer.place(), &self.rest)
    }
}

impl Entry<'_> {
    /// Where the host has it.
    pub(super) fn host(&self) -> PathBuf {
        below(&self.layer.place(), &self.rest)
    }
}

impl View {
    /// Of several mounts at one place the first counts.
    pub(super) fn new(mounts: impl IntoIterator<Item = Mount>) -> Self {
        let mut all: Vec<Mount> = Vec::new();
        for mount in mounts {
            let is_plain = mount.at.is_absolute()
                && mount
                    .at
                    .components()
                    .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
            if is_plain && !mount.layers.is_empty() && all.iter().all(|known| known.at != mount.at) {
                all.push(mount);
            }
        }
        // The longest first, so that the first that fits is the one.
        all.sort_by_key(|mount| std::cmp::Reverse(mount.at.components().count()));
        Self { mounts: all }
    }

    pub(super) fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    fn mount(&self, path: &Path) -> Option<(&Mount, PathBuf)> {
        self.mounts.iter().find_map(|mount| Some((mount, path.strip_prefix(&mount.at).ok()?.to_owned())))
    }

    /// The folder that is nearest to a path, on the way to it or itself, among those that the container writes to.
    pub(super) fn nearest(&self, path: &Path) -> Option<Near<'_>> {
        for ancestor in path.ancestors() {
            let Ok(Some(entry)) = self.resolve(ancestor) else { continue };
            let (mount, _) = self.mount(&entry.path)?;
            let layer = mount.layers.first()?;
            for own in entry.path.ancestors().take_while(|own| own.starts_with(&mount.at)) {
                let rest = own.strip_prefix(&mount.at).ok()?;
                if layer.open(rest, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW).is_ok() {
                    return Some(Near {
                        path: own.to_owned(),
                        layer,
                        rest: rest.to_owned(),
                        is_whole: ancestor == path && own == entry.path,
                        is_of_root: mount.at == Path::new("/"),
                    });
                }
            }
        }
        None
    }

    /// What is at a path whose folders are no links. Nothing if nothing is there.
    fn at(&self, path: PathBuf) -> io::Result<Option<(Entry<'_>, OwnedFd)>> {
        let Some((mount, rest)) = self.mount(&path) else { return Ok(None) };
        for (position, layer) in mount.layers.iter().enumerate() {
            let opened = match layer.open(&rest, OFlags::PATH | OFlags::NOFOLLOW) {
                Ok(opened) => opened,
                Err(error) if is_absence(&error) => continue,
                Err(error) => return Err(error),
            };
            let metadata = File::from(opened.try_clone()?).metadata()?;
            // Overlays mark with a device 0/0 that what layers below have is gone.
            let is_whiteout =
                FileType::from_raw_mode(metadata.mode()) == FileType::CharacterDevice && metadata.rdev() == 0;
            if is_whiteout {
                return Ok(None);
            }
            return Ok(Some((Entry { path, layer, rest, metadata, is_own: position == 0 }, opened)));
        }
        Ok(None)
    }

    /// What a path leads to, links followed as the container would. Nothing if nothing is there.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<Option<Entry<'_>>> {
        let mut done = PathBuf::from("/");
        let mut names = names(path);
        let mut links = 0;
        let mut last = None;
        while let Some(name) = names.pop_front() {
            last = None;
            if name == ".." {
                done.pop();
                continue;
            }
            let Some((entry, opened)) = self.at(done.join(&name))? else { return Ok(None) };
            if !entry.metadata.is_symlink() {
                done.push(&name);
                last = Some(entry);
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(rustix::io::Errno::LOOP.into());
            }
            let target = rustix::fs::readlinkat(&opened, "", Vec::new())?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            for part in self::names(&target).into_iter().rev() {
                names.push_front(part);
            }
        }
        match last {
            Some(entry) => Ok(Some(entry)),
            None => Ok(self.at(done)?.map(|(entry, _)| entry)),
        }
    }
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

/// A link on the way counts as nothing: paths here have none, but for one that a container has put there meanwhile.
fn is_absence(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::XDEV].into_iter().any(of)
}

impl Tree for View {
    fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
        let Some(entry) = self.resolve(folder)? else { return Err(io::ErrorKind::NotFound.into()) };
        let Some((mount, rest)) = self.mount(&entry.path) else { return Ok(Vec::new()) };
        let mut listed: Vec<(PathBuf, bool)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (position, layer) in mount.layers.iter().enumerate() {
            let opened = match layer.open(&rest, OFlags::RDONLY | OFlags::DIRECTORY) {
                Ok(opened) => opened,
                Err(error) if is_absence(&error) => continue,
                Err(error) => return Err(error),
            };
            for name in Dir::new(opened)?.take(MOST_NAMES) {
                let name = name?;
                let kind = name.file_type();
                let text = name.file_name().to_bytes();
                if text == b"." || text == b".." {
                    continue;
                }
                // Files of the image were not written by the container.
                let is_meant = position == 0 || matches!(kind, FileType::Directory | FileType::Symlink);
                let path = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(text));
                if is_meant && seen.insert(path.clone()) {
                    listed.push((path, kind == FileType::Directory));
                }
            }
        }
        Ok(listed)
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.resolve(path).is_ok_and(|entry| entry.is_some_and(|entry| entry.metadata.is_dir()))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.resolve(path)? {
            Some(entry) if entry.is_own || entry.metadata.is_dir() => Ok(entry.metadata),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
