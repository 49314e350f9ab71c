/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <string.h>

#include "options.h"

Suite *options_suite(void);

static struct options o;
static struct err e;

/* Parses a line, split at blanks. */
static int parse(const char *line)
{
    static char text[1024];
    const char *argv[32];
    int argc = 0;
    options_free(&o);
    e.text[0] = 0;
    strcpy(text, line);
    for (char *w = strtok(text, " "); w && argc < 32; w = strtok(NULL, " "))
        argv[argc++] = w;
    return options_parse(&o, argc, argv, &e);
}

static void good(const char *line)
{
    ck_assert_msg(parse(line) == 0, "%s: %s", line, e.text);
}

static void bad(const char *line, const char *why)
{
    ck_assert_msg(parse(line) < 0, "%s is taken", line);
    ck_assert_msg(strstr(e.text, why) != NULL, "%s: '%s' is not in '%s'", line, why, e.text);
}

START_TEST(lists)
{
    char text[] = "file=a,,b=c,,readonly,x=,=y", *rest = text, *k, *v;
    ck_assert(options_next(&rest, &k, &v));
    ck_assert_str_eq(k, "file");
    ck_assert_str_eq(v, "a,b=c,readonly");
    ck_assert(options_next(&rest, &k, &v));
    ck_assert_str_eq(k, "x");
    ck_assert_str_eq(v, "");
    ck_assert(options_next(&rest, &k, &v));
    ck_assert_str_eq(k, "");
    ck_assert_str_eq(v, "y");
    ck_assert(!options_next(&rest, &k, &v));
    char one[] = "bare", *r = one;
    ck_assert(options_next(&r, &k, &v));
    ck_assert_str_eq(k, "bare");
    ck_assert_ptr_null(v);
    ck_assert(!options_next(&r, &k, &v));
}
END_TEST

START_TEST(dashes_and_equals)
{
    good("-m 1G --smp=4 -kernel k --bios=none -append a=b");
    ck_assert_uint_eq(o.machine.ram_size, UINT64_C(1) << 30);
    ck_assert_uint_eq(o.machine.harts, 4);
    ck_assert_str_eq(o.machine.kernel, "k");
    ck_assert_str_eq(o.machine.bios, "none");
    ck_assert_str_eq(o.machine.append, "a=b");
    ck_assert_str_eq(o.machine.serial, "mon:stdio");
    bad("-m", "needs an argument");
    bad("-quiet=yes", "takes no argument");
    bad("kernel", "not an option");
}
END_TEST

START_TEST(numbers)
{
    good("-m 256");
    ck_assert_uint_eq(o.machine.ram_size, UINT64_C(256) << 20);
    good("-m size=0x100000K -smp cpus=2,sockets=2");
    ck_assert_uint_eq(o.machine.ram_size, UINT64_C(1) << 30);
    ck_assert_uint_eq(o.machine.harts, 2);
    good("-smp cores=2,threads=2 -icount shift=2 --max-insns 18446744073709551615 -seed 0x10");
    ck_assert_uint_eq(o.machine.harts, 4);
    ck_assert_uint_eq(o.machine.insns_per_tick, 25);
    ck_assert_uint_eq(o.max_insns, UINT64_MAX);
    ck_assert_uint_eq(o.machine.seed, 16);
    bad("--max-insns 18446744073709551616", "number");
    bad("--max-insns -1", "number");
    bad("-m 0", "1M to 64G");
    bad("-m 99999999999999999999G", "not a size");
    bad("-m 17179869184G", "not a size");
    bad("-icount shift=11", "0 to 6");
    good("-icount shift=7,align=off,sleep=off");
    ck_assert_uint_eq(o.machine.insns_per_tick, 1);
    ck_assert_ptr_nonnull(o.notes[0]);
    good("-m 1.5G");
    ck_assert_uint_eq(o.machine.ram_size, UINT64_C(3) << 29);
    good("-m 1.9G"); /* as Debian's wiki has it */
    ck_assert_uint_eq(o.machine.ram_size, (UINT64_C(0x79999999) + 4095) / 4096 * 4096);
    bad("-m 1.G", "not a size");
    bad("-m .5G", "not a size");
    bad("-m 1.5.5G", "not a size");
    bad("-smp 4,sockets=3", "multiply to 3");
    bad("-smp 4,maxcpus=2", "at most 2");
    bad("-smp 17", "1 to 16");
    bad("--quantum 0", "from 1");
    bad("--insns-per-tick 1000001", "1000000");
}
END_TEST

START_TEST(drives_and_devices)
{
    good("-drive file=a,,b.img,if=none,format=raw,id=d0,snapshot=on -device "
         "virtio-blk-device,drive=d0,bus=virtio-mmio-bus.3 "
         "-drive if=pflash,unit=1,file=vars,readonly -drive file=x -pflash f");
    ck_assert_uint_eq(o.machine.ndrives, 4);
    ck_assert_str_eq(o.machine.drives[0].file, "a,b.img");
    ck_assert(o.machine.drives[0].snapshot && !o.machine.drives[0].readonly);
    ck_assert_int_eq(o.machine.drives[0].interface, DRIVE_NONE);
    ck_assert_int_eq(o.machine.drives[1].interface, DRIVE_PFLASH);
    ck_assert_int_eq(o.machine.drives[1].unit, 1);
    ck_assert(o.machine.drives[1].readonly);
    ck_assert_int_eq(o.machine.drives[2].interface, DRIVE_VIRTIO);
    ck_assert_int_eq(o.machine.devices[0].slot, 3);
    ck_assert_str_eq(o.machine.devices[0].drive, "d0");
    bad("-device virtio-blk-device,bus=virtio-mmio-bus.8", "virtio-mmio-bus.0 to");
    bad("-device virtio-blk-device,colour=red", "'colour'");
    bad("-drive file=a,if=ide", "if=ide");
    bad("-drive file=a,readonly=perhaps", "on or off");
    bad("-drive file=a,id=x -drive file=b,id=x", "taken");
    bad("-device virtio-net-device,packed=on", "packed=on is not supported");
    good("-device virtio-blk-device,scsi=off,event_idx=off,drive=x");
    ck_assert(o.machine.devices[0].no_event_idx && !o.machine.devices[0].no_indirect);
}
END_TEST

/* Without if= a drive is a disk of its own, unless a device names it: by its id or its node-name. */
START_TEST(drives_that_devices_name)
{
    good("-drive file=a,format=raw,id=hd0 -device virtio-blk-device,drive=hd0 -drive file=b,format=raw");
    ck_assert_int_eq(o.machine.drives[0].interface, DRIVE_NONE);
    ck_assert_int_eq(o.machine.drives[1].interface, DRIVE_VIRTIO);
    good("-device virtio-blk-device,drive=test -drive file=a,if=none,node-name=test");
    ck_assert_str_eq(o.machine.drives[0].id, "test");
    good("-drive file=a,if=virtio,id=x -device virtio-blk-device,drive=x");
    ck_assert_int_eq(o.machine.drives[0].interface, DRIVE_VIRTIO); /* the machine refuses the device */
    good("-machine virt,pflash0=f0,pflash1=f1 -blockdev node-name=f0,driver=file,read-only=on,filename=code "
         "-blockdev driver=file,filename=vars,node-name=fv -blockdev driver=raw,file=fv,node-name=f1");
    ck_assert_uint_eq(o.machine.ndrives, 3);
    ck_assert_int_eq(o.machine.drives[0].interface, DRIVE_PFLASH);
    ck_assert_int_eq(o.machine.drives[0].unit, 0);
    ck_assert(o.machine.drives[0].readonly);
    ck_assert_int_eq(o.machine.drives[1].interface, DRIVE_NONE);
    ck_assert_int_eq(o.machine.drives[2].interface, DRIVE_PFLASH);
    ck_assert_int_eq(o.machine.drives[2].unit, 1);
    ck_assert_str_eq(o.machine.drives[2].file, "vars");
    bad("-machine virt,pflash0=f0", "no -blockdev or -drive has that name");
    bad("-blockdev driver=qcow2,file=x,node-name=y", "only raw");
    bad("-blockdev driver=file,filename=x", "no node-name");
    bad("-blockdev {\"driver\":\"file\"}", "not as JSON");
}
END_TEST

START_TEST(loaders)
{
    good("-device loader,file=Image,addr=0x80200000,force-raw=on -device loader,addr=0x90000000,data=0x1234,data-len=2 "
         "-device loader,file=x.elf,cpu-num=1");
    ck_assert_uint_eq(o.machine.nloaders, 3);
    ck_assert_uint_eq(o.machine.ndevices, 0);
    ck_assert_str_eq(o.machine.loaders[0].file, "Image");
    ck_assert_uint_eq(o.machine.loaders[0].addr, 0x80200000);
    ck_assert(o.machine.loaders[0].raw);
    ck_assert_uint_eq(o.machine.loaders[1].data_len, 2);
    ck_assert_int_eq(o.machine.loaders[2].hart, 1);
    bad("-device loader,addr=5", "no data-len");
    bad("-device loader,data=5,data-len=1", "no addr");
    bad("-device loader,addr=5,data=5,data-len=9", "1 to 8");
    bad("-device loader,file=a,addr=0,data-len=1", "give one of them");
}
END_TEST

/* Lines as manuals of systems for this board have them. */
START_TEST(lines_in_use)
{
    static const char *const lines[] = {
        "-machine virt -bios none -kernel kernel/kernel -m 128M -smp 3 -nographic -global "
        "virtio-mmio.force-legacy=false -drive file=fs.img,if=none,format=raw,id=x0 -device "
        "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0 -S -gdb tcp::26000",
        "-nographic -machine virt -m 1.9G -bios fw_jump.elf -kernel uboot.elf -object "
        "rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-device,rng=rng0 -append console=ttyS0 -device "
        "virtio-blk-device,drive=hd0 -drive file=rootfs.img,format=raw,id=hd0 -device virtio-net-device,netdev=usernet "
        "-netdev user,id=usernet,hostfwd=tcp::22222-:22",
        "-M virt -bios fw_jump.elf -kernel Image -append root=/dev/vda -drive file=rootfs.ext2,format=raw,id=hd0 "
        "-device virtio-blk-device,drive=hd0 -netdev user,id=net0 -device virtio-net-device,netdev=net0 -nographic",
        "-machine virt -cpu rv64 -nographic -serial mon:stdio -m size=3072M -bios none -kernel image",
        "-semihosting -M virt,aclint=on -cpu rv64 -smp 8 -bios none -kernel nuttx -nographic",
        "-nographic -machine virt -net none -chardev stdio,id=con,mux=on -serial chardev:con -mon "
        "chardev=con,mode=readline -bios none -smp 4 -kernel RTOSDemo.elf",
        "-nographic -machine virt -bios none -m 256 -net none -pidfile qemu.pid -chardev stdio,id=con,mux=on -serial "
        "chardev:con -mon chardev=con,mode=readline -icount shift=6,align=off,sleep=off -rtc clock=vm -kernel z.elf",
        "-nodefaults -nographic -serial mon:stdio -machine virt -accel tcg -cpu max -kernel t.flat -append x",
        "-machine virt -m 2G -smp 2 -nographic -bios fw_jump.elf -kernel u-boot.bin -drive file=f,format=raw,id=hd0 "
        "-device virtio-blk-device,drive=hd0 -netdev user,id=net0,ipv6=off,hostfwd=tcp::8022-:22 -device "
        "virtio-net-device,netdev=net0",
        "-nographic -M virt -cpu rv64 -m 4G -smp 4 -bios o.elf -device virtio-serial-device -chardev pty,id=serial3 "
        "-device virtconsole,chardev=serial3 -s -S",
        "-machine virt -bios default -nographic -serial mon:stdio --no-reboot -kernel kernel.elf",
        "-cpu rv64 -d cpu_reset -machine virt -vga std -bios none -monitor stdio",
        "-M virt -m 256M -nographic -bios fw_jump.bin -device loader,file=Image,addr=0x80200000",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        good(lines[i]);
    good("-chardev stdio,id=c -device virtio-serial-device -device virtconsole,chardev=c -display none");
    ck_assert_str_eq(o.machine.serial, "null"); /* standard output is taken */
    good("-chardev stdio,id=con,mux=on -serial chardev:con");
    ck_assert_str_eq(o.machine.chardevs[0].spec, "stdio"); /* Ctrl-A is the emulator's in any case */
}
END_TEST

START_TEST(backends)
{
    good("-netdev user,id=n0,hostfwd=tcp::2222-:22 -chardev socket,id=c0,path=/tmp/s,server=on,wait=off -chardev "
         "file,path=o,id=c1 "
         "-chardev socket,host=localhost,port=99,id=c2 -chardev stdio,id=c3");
    ck_assert_str_eq(o.machine.netdevs[0].id, "n0");
    ck_assert_str_eq(o.machine.netdevs[0].spec, "user,hostfwd=tcp::2222-:22");
    ck_assert_str_eq(o.machine.chardevs[0].spec, "unix:/tmp/s,server=on,wait=off");
    ck_assert_str_eq(o.machine.chardevs[1].spec, "file:o");
    ck_assert_str_eq(o.machine.chardevs[2].spec, "tcp:localhost:99");
    ck_assert_str_eq(o.machine.chardevs[3].id, "c3");
    good("-nic user,model=virtio-net-device,hostfwd=tcp::1-:2 -nic none");
    ck_assert_str_eq(o.machine.netdevs[0].spec, "user,hostfwd=tcp::1-:2");
    ck_assert_str_eq(o.machine.devices[0].netdev, o.machine.netdevs[0].id);
    bad("-netdev user", "no id");
    bad("-netdev bridge,id=x", "only user");
    bad("-chardev stdio", "no id");
    bad("-chardev id=x", "no backend");
}
END_TEST

START_TEST(what_is_asked_for)
{
    good("--help -nonsense");
    ck_assert_int_eq(o.action, OPTIONS_HELP);
    good("-cpu help");
    ck_assert_str_eq(o.help, "cpu");
    good("-machine virt,dumpdtb=f");
    ck_assert_int_eq(o.action, OPTIONS_DUMP_DTB);
    ck_assert_str_eq(o.dumpdtb, "f");
    good("-d int,exec -D log");
    ck_assert_str_eq(o.traces[0].what, "insn,trap");
    ck_assert_str_eq(o.trace_file, "log");
    good("--trace trap:f");
    ck_assert_uint_eq(o.ntraces, 1);
    ck_assert_str_eq(o.traces[0].what, "trap:f");
    ck_assert_ptr_null(o.traces[0].format);
    good("--trace trap:f --trace-format jsonl --trace insn,if=hart==1:g --trace-format spike --trace mmu");
    ck_assert_uint_eq(o.ntraces, 3);
    ck_assert_str_eq(o.traces[0].format, "jsonl");
    ck_assert_str_eq(o.traces[1].what, "insn,if=hart==1:g");
    ck_assert_str_eq(o.traces[1].format, "jsonl");
    ck_assert_str_eq(o.traces[2].format, "spike");
    good("--stats --profile=f");
    ck_assert_str_eq(o.stats, "");
    ck_assert_str_eq(o.profile, "f");
    good("--stats=json:f --profile");
    ck_assert_str_eq(o.stats, "json:f");
    ck_assert_str_eq(o.profile, "");
    good("-s -S");
    ck_assert_str_eq(o.gdb, "tcp::1234");
    ck_assert(o.hold);
    good("-gdb stdio");
    ck_assert_str_eq(o.machine.serial, "null");
    bad("-s -gdb tcp::5", "one already");
    bad("-gdb stdio -serial stdio", "the serial port is there too");
    good("-rtc base=1970-01-02 -monitor stdio -nographic -global virtio-mmio.force-legacy=false");
    ck_assert_uint_eq(o.machine.epoch_ns, UINT64_C(86400000000000));
    ck_assert_ptr_nonnull(o.notes[0]);
    bad("-global virtio-mmio.force-legacy=true", "version 2 only");
    bad("-rtc base=yesterday", "base=yesterday");
    options_free(&o);
}
END_TEST

Suite *options_suite(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");
    tcase_add_test(t, lists);
    tcase_add_test(t, dashes_and_equals);
    tcase_add_test(t, numbers);
    tcase_add_test(t, drives_and_devices);
    tcase_add_test(t, drives_that_devices_name);
    tcase_add_test(t, loaders);
    tcase_add_test(t, lines_in_use);
    tcase_add_test(t, backends);
    tcase_add_test(t, what_is_asked_for);
    suite_add_tcase(s, t);
    return s;
}
