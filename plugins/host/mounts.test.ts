import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { parseMountinfo } from './mounts.ts'

const mountPoints = (text: string) => parseMountinfo(text).map(({ mountPoint }) => mountPoint)

/** As the kernel does it. */
const escape = (text: string) =>
  text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)

describe('/proc/self/mountinfo', () => {
  test('of a Raspberry Pi gives its card and no pseudo file system', () => {
    const text = `23 29 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
24 29 0:23 / /proc rw,relatime shared:13 - proc proc rw
25 29 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=1671236k,nr_inodes=417809,mode=755
27 29 0:25 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=388448k,mode=755
29 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
33 24 0:29 / /proc/sys/fs/binfmt_misc rw,relatime shared:14 - autofs systemd-1 rw,fd=29,pgrp=1
82 29 179:1 / /boot/firmware rw,relatime shared:43 - vfat /dev/mmcblk0p1 rw,fmask=0022,errors=remount-ro
90 29 0:45 / /snap/tool/12 ro,nodev,relatime shared:50 - squashfs /dev/loop3 ro
`
    expect(parseMountinfo(text)).toEqual([
      { number: '179:2', mountPoint: '/', device: '/dev/mmcblk0p2', type: 'ext4', readOnly: false },
      {
        number: '179:1',
        mountPoint: '/boot/firmware',
        device: '/dev/mmcblk0p1',
        type: 'vfat',
        readOnly: false,
      },
    ])
  })

  test('of a container gives its root and its volume, and not the files that the engine lays over it', () => {
    const text = `1040 950 0:210 / / rw,relatime master:300 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u,workdir=/w
1041 1040 0:213 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1050 1040 8:1 /var/lib/docker/containers/ab/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw,discard
1051 1040 8:1 /var/lib/docker/containers/ab/hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw,discard
1052 1040 8:1 /var/lib/docker/volumes/house/_data /data rw,relatime master:1 - ext4 /dev/sda1 rw,discard
`
    expect(mountPoints(text)).toEqual(['/', '/data'])
    expect(mountPoints(text.replace(/^1052.*\n/m, ''))).toEqual(['/'])
  })

  test('of a machine that runs containers does not count their layers as disks', () => {
    const text = `29 1 8:2 / / rw - ext4 /dev/sda2 rw
60 29 0:52 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw,lowerdir=/x
61 29 0:4 net:[4026532] /run/docker/netns/1 rw - nsfs nsfs rw
`
    expect(mountPoints(text)).toEqual(['/'])
  })

  test('lists what is bound to several places once, where all of it is seen', () => {
    const text = `40 29 8:17 /media /a rw - xfs /dev/sdb1 rw
41 29 8:17 / /srv/storage rw - xfs /dev/sdb1 rw
42 29 8:17 / /export/storage/films rw - xfs /dev/sdb1 rw
`
    expect(mountPoints(text)).toEqual(['/srv/storage'])
  })

  test('lists the subvolumes of one btrfs once', () => {
    const text = `29 1 0:26 /@ / rw shared:1 - btrfs /dev/nvme0n1p2 rw,subvol=/@
45 29 0:26 /@home /home rw shared:30 - btrfs /dev/nvme0n1p2 rw,subvol=/@home
`
    expect(mountPoints(text)).toEqual(['/'])
  })

  test('takes what was mounted last at a place for what is there', () => {
    const text = `40 29 8:17 / /srv rw - ext4 /dev/sdb1 rw\n41 29 8:33 / /srv rw - ext4 /dev/sdc1 rw\n`
    expect(parseMountinfo(text).map(({ device }) => device)).toEqual(['/dev/sdc1'])
  })

  test('tells a file system that became read-only from one that only the Core may not write to', () => {
    const text = `29 1 8:2 / / ro,relatime - ext4 /dev/sda2 rw\n30 29 8:3 / /srv rw,relatime - ext4 /dev/sda3 ro,errors=remount-ro\n`
    expect(parseMountinfo(text).map(({ readOnly }) => readOnly)).toEqual([false, true])
  })

  test('gives those of the network, of ZFS and of pooled disks, by place', () => {
    const text = `50 29 0:60 / /a/nas rw - nfs4 nas:/films rw,addr=192.168.1.5
51 29 0:61 / /b/pool rw - fuse.mergerfs a:b rw
52 29 0:62 / /c/tank rw - zfs tank/data rw,xattr
53 29 0:63 / /run/user/1000/doc rw - fuse.portal portal rw
`
    expect(mountPoints(text)).toEqual(['/a/nas', '/b/pool', '/c/tank'])
  })

  test('gives names with spaces and other odd characters as they are', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', 'ü', ' ', '\t', '\n', '\\', '0', '4', '-'),
      minLength: 1,
    })
    fc.assert(
      fc.property(name, (folder) => {
        const text = `40 29 8:17 / ${escape(`/mnt/${folder}`)} rw - ext4 /dev/sdb1 rw\n`
        expect(mountPoints(text)).toEqual([`/mnt/${folder}`])
      }),
    )
  })

  test('lists no file system and no place twice, whatever is mounted where', () => {
    const line = fc.record({ number: fc.nat(5), root: fc.constantFrom('/', '/a'), place: fc.nat(5) })
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const mounts = parseMountinfo(
          lines
            .map(({ number, root, place }) => `1 1 8:${number} ${root} /${place} rw - ext4 /dev/sd rw`)
            .join('\n'),
        )
        expect(new Set(mounts.map(({ number }) => number)).size).toBe(mounts.length)
        expect(new Set(mounts.map(({ mountPoint }) => mountPoint)).size).toBe(mounts.length)
      }),
    )
  })

  test('is no reason to fail, however broken', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(parseMountinfo(text)).toBeArray()))
    expect(parseMountinfo('29 1 8:2 / / rw')).toEqual([])
  })
})
