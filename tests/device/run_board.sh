#!/bin/bash
# A command on the board that make_board.sh made: run_board.sh FOLDER REPO COMMAND
#
# REPO is /repo there, to read and to write. Prints what the board prints; the exit status is the command's, or 99 when the
# board did not come to its end within LIMIT_S seconds.
set -uo pipefail

board=$(realpath "$1")
repo=$(realpath "$2")
echo "$3" >"$board/root/command"

timeout "${LIMIT_S:-300}" qemu-system-aarch64 -M virt -accel tcg,thread=multi -cpu "${CPU:-cortex-a72}" -smp 2 -m 1024 \
    -nographic -no-reboot -nodefaults -serial stdio -net none \
    -kernel "$board/vmlinuz" -initrd "$board/disk.gz" -append "console=ttyAMA0 quiet panic=-1 mitigations=off" \
    -fsdev "local,id=root,path=$board/root,security_model=passthrough,multidevs=remap" \
    -device virtio-9p-pci,fsdev=root,mount_tag=root \
    -fsdev "local,id=repo,path=$repo,security_model=passthrough,multidevs=remap" \
    -device virtio-9p-pci,fsdev=repo,mount_tag=repo </dev/null | tee "$board/log"
exit "$(sed -n 's/^STATUS=\([0-9]*\).*/\1/p' "$board/log" | tail -1 | grep . || echo 99)"
