// Which of the things that are mounted are real file systems, and where each is best seen.

/** One file system. */
export interface Mount {
  /** `major:minor`: the same for every place where it is mounted. */
  number: string
  mountPoint: string
  device: string
  type: string
  readOnly: boolean
}

/** The part of the file system that this place shows; `/` is all of it. */
type Place = Mount & { root: string }

/** Their server may be away, or the program behind them stuck. */
const remote = /^(nfs4?|cifs|smb3|9p|ceph|afs|fuse\.(sshfs|rclone|mergerfs|shfs|glusterfs|s3fs))$/
/** Real, without a device under /dev. */
const deviceless = /^(zfs|ubifs|virtiofs)$/
/** Packed once and full for ever: there is nothing to watch. */
const image = /^(squashfs|erofs|cramfs|iso9660)$/
/** What container engines lay over single files of a container. */
const laid = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'])

/**
 * The real file systems of /proc/self/mountinfo, by mount point, each once however often it is bound.
 * The format: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
export function parseMountinfo(text: string): Mount[] {
  const places = new Map<string, Place>()
  for (const line of text.split('\n')) {
    const place = parseLine(line)
    // What is mounted later at the same place hides what was there.
    if (place) places.set(place.mountPoint, place)
  }
  const best = new Map<string, Place>()
  for (const place of places.values()) {
    const other = best.get(place.number)
    if (isReal(place) && (!other || isBetter(place, other))) best.set(place.number, place)
  }
  return Array.from(best.values(), ({ root: _, ...mount }) => mount).sort((a, b) =>
    a.mountPoint < b.mountPoint ? -1 : 1,
  )
}

/** Whether asking a file system of this type depends on something that may be away. */
export function isRemote(type: string | null): boolean {
  return type !== null && remote.test(type)
}

function parseLine(line: string): Place | null {
  const [before = '', after = ''] = line.split(' - ', 2)
  const [, , number, root, mountPoint] = before.split(' ')
  const [type, device, options] = after.split(' ')
  if (!number || !root || !mountPoint || !type || !device || !options) return null
  // These options are the file system's. Those of the place may say `ro` to the Core alone, as systemd's ProtectSystem does.
  const readOnly = options.split(',').includes('ro')
  return { number, root, mountPoint: unescape(mountPoint), device: unescape(device), type, readOnly }
}

/** The kernel writes space, tab, newline and backslash in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function isReal({ mountPoint, device, type }: Mount): boolean {
  if (image.test(type) || laid.has(mountPoint)) return false
  // The root of a container is an overlay, and of a Pi that spares its card; all others show a disk a second time.
  if (type === 'overlay') return mountPoint === '/'
  return isRemote(type) || deviceless.test(type) || (device.startsWith('/dev/') && device !== '/dev/fuse')
}

/** A place that shows the whole file system, and then the one with the shortest name. */
function isBetter(place: Place, other: Place): boolean {
  if ((place.root === '/') !== (other.root === '/')) return place.root === '/'
  return place.mountPoint.length < other.mountPoint.length
}
