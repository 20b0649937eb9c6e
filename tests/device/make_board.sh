#!/bin/bash
# An emulated aarch64 board with Debian 12, Python 3.11 and the kernel's virtual camera: make_board.sh FOLDER WHEEL
#
# Runs as root on Debian 12 with debootstrap, qemu-system-arm, cpio and kmod. FOLDER gets the board's root file system,
# kernel and initial memory disk; WHEEL is edgecls' own, installed there with what a device needs, for aarch64.
# Packages are unpacked and never configured: nothing of another processor runs here.
set -euo pipefail

mkdir -p "$1"
board=$(realpath "$1")
wheel=$(realpath "$2")
root=$board/root
tools="python3,busybox-static,v4l-utils"
modules="virtio_pci 9pnet_virtio 9p"

unpack_debian() {
    local mirror
    mirror=$(awk '/^URIs/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
    debootstrap --download-only --arch=arm64 --variant=minbase --include="$tools" bookworm "$board/stage" "$mirror" \
        >"$board/debootstrap.log" 2>&1
    mkdir -p "$root"/usr/{bin,sbin,lib} "$root"/{proc,sys,dev,tmp,run,root,etc,opt,repo}
    for name in bin sbin lib; do ln -sfn "usr/$name" "$root/$name"; done
    for package in "$board"/stage/var/cache/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
    done
    rm -rf "$board/stage"
}

# A private apt state: the host's own architectures stay as they are.
apt_for_arm() {
    local command=$1
    shift
    "$command" -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$board/apt/state" \
        -o Dir::State::status="$board/apt/status" -o Dir::Cache="$board/apt/cache" -o Dir::Etc="$board/apt/etc" \
        -o APT::Sandbox::User=root "$@"
}

unpack_kernel() {
    mkdir -p "$board"/apt/{state/lists/partial,cache/archives/partial,etc}
    cp -r /etc/apt/. "$board/apt/etc/"
    find "$board/apt/etc/sources.list.d" -type f ! -name debian.sources -delete
    touch "$board/apt/status"
    apt_for_arm apt-get update
    local package version
    package=$(apt_for_arm apt-cache depends linux-image-arm64 | awk '/Depends/ {print $2; exit}')
    version=${package#linux-image-}
    (cd "$board" && apt_for_arm apt-get download "$package" >/dev/null)
    dpkg-deb --fsys-tarfile "$board/$package"*.deb | tar -x --keep-directory-symlink -C "$root"
    rm "$board/$package"*.deb
    cp "$root/boot/vmlinuz-$version" "$board/vmlinuz"
    /usr/sbin/depmod -b "$root" "$version"
    make_memory_disk "$version"
}

make_memory_disk() {
    local disk=$board/disk
    mkdir -p "$disk"/{bin,proc,sys,dev,mnt,modules}
    cp "$root/bin/busybox" "$disk/bin/"
    for name in sh mount insmod switch_root; do ln -sf busybox "$disk/bin/$name"; done
    for module in $modules; do
        /usr/sbin/modprobe -d "$root" -S "$1" --show-depends "$module"
    done | awk '/^insmod/ && !seen[$2]++ {print $2}' | while read -r file; do
        cp "$file" "$disk/modules/"
        basename "$file"
    done >"$disk/order"
    cat >"$disk/init" <<'INIT'
#!/bin/sh
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
while read module; do insmod "/modules/$module"; done </order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose root /mnt
for d in dev proc sys; do mount --move /$d /mnt/$d; done
exec switch_root /mnt /start
INIT
    chmod +x "$disk/init"
    (cd "$disk" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$board/disk.gz"
}

write_start() {
    cat >"$root/start" <<'START'
#!/bin/busybox sh
export PATH=/opt/site/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONPATH=/opt/site LANG=C.UTF-8; B=/bin/busybox
for folder in /tmp /run /dev/shm; do $B mkdir -p $folder; $B mount -t tmpfs t $folder; done
$B mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=none repo /repo
$B ip link set lo up
$B modprobe vivid n_devs=1 node_types=0x1
cd /repo; sh /command; status=$?; echo; echo "STATUS=$status"; $B sync; $B poweroff -f
START
    chmod +x "$root/start"
}

install_wheel() {
    local platforms=()
    for glibc in 2_34 2_31 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${glibc}_aarch64"); done
    "${PYTHON:-python3}" -m pip install --quiet --target "$root/opt/site" --only-binary=:all: \
        --implementation cp --python-version 3.11 "${platforms[@]}" --platform manylinux2014_aarch64 "$wheel[onnx]"
    # The script that pip made names this machine's Python.
    printf '#!/bin/sh\nexec python3 -m edgecls "$@"\n' >"$root/opt/site/bin/edgecls"
    chmod +x "$root/opt/site/bin/edgecls"
}

unpack_debian
unpack_kernel
write_start
install_wheel
touch "$board/made"
