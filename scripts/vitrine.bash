# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of vitrine's arguments for bash; options and devices come from the program itself.
_vitrine()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    COMPREPLY=()
    case ${prev#-} in
    -x | x)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    -kernel | kernel | -initrd | initrd | -dtb | dtb | -pflash | pflash | -signature | signature | hd[a-d] | -hd[a-d] | cdrom | -cdrom | pidfile | -pidfile | post-mortem | -post-mortem | D)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    -bios | bios)
        mapfile -t COMPREPLY < <(compgen -W "default none" -- "$cur"; compgen -f -- "$cur")
        return
        ;;
    -machine | machine | M)
        mapfile -t COMPREPLY < <(compgen -W "virt virt,aclint=on virt,dumpdtb= help" -- "$cur")
        return
        ;;
    -cpu | cpu)
        mapfile -t COMPREPLY < <(compgen -W "rv64 max help" -- "$cur")
        return
        ;;
    -device | device)
        mapfile -t COMPREPLY < <(compgen -W "help $("$program" -device help 2>/dev/null | sed -n 's/^  \([a-z-]*\).*/\1/p')" -- "$cur")
        return
        ;;
    -serial | serial)
        mapfile -t COMPREPLY < <(compgen -W "stdio mon:stdio null none pty file: pipe: unix: tcp:" -- "$cur")
        return
        ;;
    -trace | trace)
        mapfile -t COMPREPLY < <(compgen -W "all insn cpu mmu dev sbi guest vmm $("$program" help events 2>/dev/null | sed -n 's/^  \([a-z_]*\)  .*/\1/p')" -- "$cur")
        return
        ;;
    -trace-format | --trace-format)
        mapfile -t COMPREPLY < <(compgen -W "text jsonl spike perfetto chrome ftrace pack" -- "$cur")
        return
        ;;
    esac
    if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "run debug compare trace help version" -- "$cur")
        return
    fi
    local dash=-
    [[ $cur == --* ]] && dash=--
    mapfile -t COMPREPLY < <(compgen -P "$dash" -W "$("$program" run --help 2>/dev/null | sed -n 's/^  -\([a-z-]*\).*/\1/p')" -- "${cur#"$dash"}")
}
complete -F _vitrine -o filenames vitrine
