#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs guests/hyper, a hypervisor with two guest kernels, and compares what it prints with QEMU's, but for the lines that
# begin with "# " (counters, and what the specification leaves open or a machine gets wrong).
#   test_hyper.sh VITRINE HYPER_ELF [QEMU]
# QEMU: the command without options, default qemu-system-riscv64; "" or one that is not installed: no comparison.
set -u
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: $0 VITRINE HYPER_ELF [QEMU]" >&2
    exit 2
fi
vitrine=$1
elf=$2
qemu=${3-qemu-system-riscv64}
limit=${HYPER_TIMEOUT:-60}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
failed=0
number=0

result() { # 0 or not, what, file to show
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        failed=$((failed + 1))
        sed 's/^/# /' "$3" | tail -60
    fi
}

# The firmware's words go, the hypervisor's stay.
transcript() { # output, to
    tr -d '\r' <"$1" | sed -n '/^hyper: one hart/,$p' >"$2"
}

guest() { # name, options...: runs it, makes $dir/NAME, the transcript
    local name=$1
    shift
    timeout -k 5 "$limit" "$vitrine" run -kernel "$elf" -nographic "$@" </dev/null >"$dir/$name.out" 2>&1
    status=$?
    transcript "$dir/$name.out" "$dir/$name"
}

check() { # what, file, status
    local what=$1 file=$2 status=$3
    [ "$status" = 0 ] && [ "$(tail -n 1 "$file")" = "hyper: ok" ]
    result $? "$what ends well (status $status)" "$file"
}

guest plain
check "the built-in SBI" "$dir/plain" $status
! grep -qi 'not as specified' "$dir/plain" && grep -q '^# hlv.d as VS .*: 13$' "$dir/plain" && grep -q '^# hlvx.hu as VU.*: 13$' "$dir/plain" &&
    grep -q '^# times that stval was neither 0 nor the instruction: 0$' "$dir/plain"
result $? "every trap is as specified" "$dir/plain"
grep -q '^# vm0: timer by hvip;.* [1-9][0-9]* timer interrupts injected' "$dir/plain" &&
    grep -q '^# vm1: timer by vstimecmp;.* 0 timers set by SBI, 0 timer interrupts injected' "$dir/plain"
result $? "one guest's timer by hvip, the other's by vstimecmp" "$dir/plain"
guest again
cmp -s "$dir/plain" "$dir/again"
result $? "a second run prints the same, counters too" "$dir/again"

guest nosstc -cpu rv64,sstc=false
check "without Sstc" "$dir/nosstc" $status
[ "$(grep -c '^# vm.: timer by hvip' "$dir/nosstc")" = 2 ]
result $? "then both timers go by hvip" "$dir/nosstc"
diff <(grep -v '^# ' "$dir/plain") <(grep -v '^# ' "$dir/nosstc") >"$dir/diff"
result $? "and the guests see no difference" "$dir/diff"

guest noh -cpu rv64,h=false
[ $status != 0 ] && grep -q '^hyper: no hypervisor extension' "$dir/noh"
result $? "without H it says so (status $status)" "$dir/noh"

# Both run the firmware that QEMU's package brings: a fault of the firmware shows in both.
firmware=/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin
if [ -n "$qemu" ] && command -v "$qemu" >/dev/null && [ -r $firmware ]; then
    timeout -k 5 "$limit" "$qemu" -M virt -cpu rv64,h=true -bios $firmware -kernel "$elf" -nographic </dev/null >"$dir/qemu.out" 2>&1
    transcript "$dir/qemu.out" "$dir/qemu"
    # QEMU 10.0.13 takes no writes of mstatus.MPV, against Priv. "Machine Status (mstatus and mstatush) Registers": its write_mstatus has lost
    # the bit. OpenSBI passes an illegal instruction of VS on to HS by clearing MPV and mret, which so ends in VS, at HS's handler.
    case $("$qemu" --version) in
    "QEMU emulator version 10.0."*)
        if grep -q '^csrr mstatus in VS: fetch guest page fault (20) (NOT as specified)$' "$dir/qemu"; then
            echo "# this QEMU takes no writes of mstatus.MPV: what OpenSBI passes on to HS is not compared"
            sed -i 's/\(\(csrr mstatus\|mret\) in VS: \)fetch guest page fault (20) (NOT as specified)$/\1illegal instruction (2)/' "$dir/qemu"
            grep -q 'NOT as specified' "$dir/qemu" || sed -i 's/^hyper: FAILED$/hyper: ok/' "$dir/qemu"
        fi
        ;;
    esac
    guest firmware -bios $firmware
    diff <(grep -v '^# ' "$dir/qemu") <(grep -v '^# ' "$dir/firmware") >"$dir/diff" && grep -q '^hyper: ' "$dir/qemu"
    result $? "$qemu's transcript, with its OpenSBI, is the same" "$dir/diff"
else
    echo "# no ${qemu:-QEMU} with $firmware: transcripts not compared"
fi

echo "1..$number"
[ $failed = 0 ]
