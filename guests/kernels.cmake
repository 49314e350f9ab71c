# SPDX-License-Identifier: MIT
# For mono and micro, which share the folders common/ and user/.
find_program(GUEST_STRIP NAMES riscv64-unknown-elf-strip riscv64-linux-gnu-strip DOC "strip for the example guests")
if(NOT GUEST_STRIP)
  message(STATUS "guests: needs riscv64-unknown-elf-strip (package binutils-riscv64-unknown-elf): no mono, micro, leaky and hostile")
  return()
endif()
set(GUEST_COMMON ${CMAKE_CURRENT_LIST_DIR}/common)
set(GUEST_KERNEL_FLAGS -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax -O2 -g -std=gnu17 -ffreestanding
    -fno-pic -fno-stack-protector -fno-builtin -fno-common -fno-omit-frame-pointer -fno-optimize-sibling-calls -Wall -Wextra -Wshadow -Wswitch-enum
    -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes -I${CMAKE_CURRENT_LIST_DIR}/common -I${CMAKE_CURRENT_LIST_DIR}/user
    -nostdlib -static -Wl,--no-relax -Wl,--no-warn-rwx-segments -Wl,--build-id=none -Wl,-z,max-page-size=4096)
if(VITRINE_WERROR)
  list(APPEND GUEST_KERNEL_FLAGS -Werror)
endif()

# The image maker runs here.
add_executable(guest-mkfs EXCLUDE_FROM_ALL ${GUEST_COMMON}/mkfs.c ${GUEST_COMMON}/fs.c)
target_include_directories(guest-mkfs PRIVATE ${GUEST_COMMON})

set(GUEST_PROGRAMS sh ls cat echo rm ps kill sleep spin primes date stat crash poke bench servers true tests)

# guest_program(OUTPUT SCRIPT SOURCE... [DEPENDS FILE...] [FLAGS FLAG...])
function(guest_program output script)
  cmake_parse_arguments(PARSE_ARGV 2 a "" "" "DEPENDS;FLAGS")
  file(GLOB headers CONFIGURE_DEPENDS ${GUEST_COMMON}/*.h ${GUEST_COMMON}/../user/*.h ${GUEST_COMMON}/../mono/*.h ${GUEST_COMMON}/../micro/*.h
    ${GUEST_COMMON}/../micro/servers/*.h ${GUEST_COMMON}/../hostile/*.h)
  add_custom_command(OUTPUT ${output}
    COMMAND ${GUEST_CC} ${GUEST_KERNEL_FLAGS} ${a_FLAGS} -T ${script} ${a_UNPARSED_ARGUMENTS} -o ${output}
    DEPENDS ${a_UNPARSED_ARGUMENTS} ${headers} ${script} ${a_DEPENDS} VERBATIM)
endfunction()

# guest_disk(KERNEL [SOURCE...]): the programs with the library's way to that kernel (user/sys_KERNEL.c and the sources), in KERNEL/programs/ with symbols for the
# debugger, and KERNEL.img, a disk with them.
function(guest_disk kernel)
  set(user ${GUEST_COMMON}/../user)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${kernel})
  set(files ${user}/motd)
  file(MAKE_DIRECTORY ${out}/programs ${out}/stripped)
  foreach(name ${GUEST_PROGRAMS})
    guest_program(${out}/programs/${name} ${user}/user.ld ${user}/start.S ${user}/${name}.c ${user}/lib.c ${user}/sys_${kernel}.c
      ${GUEST_COMMON}/text.c ${ARGN})
    add_custom_command(OUTPUT ${out}/stripped/${name} COMMAND ${GUEST_STRIP} ${out}/programs/${name} -o ${out}/stripped/${name}
      DEPENDS ${out}/programs/${name} VERBATIM)
    list(APPEND files ${out}/stripped/${name})
  endforeach()
  add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${kernel}.img
    COMMAND guest-mkfs ${CMAKE_CURRENT_BINARY_DIR}/${kernel}.img 2048 ${files} DEPENDS guest-mkfs ${files} VERBATIM)
endfunction()

# mono.elf, and mono.img, the disk that it also carries within itself.
guest_disk(mono)
set(sources entry.S main.c memory.c trap.c proc.c exec.c device.c syscall.c)
list(TRANSFORM sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/mono/)
foreach(name start.S cause.c text.c dt.c pages.c fs.c disk.c clock.c console.c)
  list(APPEND sources ${GUEST_COMMON}/${name})
endforeach()
guest_program(${CMAKE_CURRENT_BINARY_DIR}/mono.elf ${GUEST_COMMON}/kernel.ld ${sources}
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/mono.img FLAGS -Wa,-I${CMAKE_CURRENT_BINARY_DIR} -Wa,-I${GUEST_COMMON})

# micro.elf: the kernel, with the root task in it, with the servers and the disk in that.
set(micro ${CMAKE_CURRENT_LIST_DIR}/micro)
set(stub ${micro}/stub.c ${micro}/stub.S)
guest_disk(micro ${stub})
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/micro/servers)
set(console_sources ${micro}/servers/console.c ${GUEST_COMMON}/console.c)
set(disk_sources ${micro}/servers/disk.c ${GUEST_COMMON}/disk.c)
set(clock_sources ${micro}/servers/clock.c ${GUEST_COMMON}/clock.c)
set(files_sources ${micro}/servers/files.c ${GUEST_COMMON}/fs.c)
set(pager_sources ${micro}/servers/pager.c ${micro}/servers/image.c ${GUEST_COMMON}/cause.c)
set(servers "")
foreach(name console disk clock files pager)
  set(server ${CMAKE_CURRENT_BINARY_DIR}/micro/servers/${name})
  guest_program(${server} ${GUEST_COMMON}/../user/user.ld ${GUEST_COMMON}/../user/start.S ${${name}_sources} ${stub} ${GUEST_COMMON}/text.c)
  add_custom_command(OUTPUT ${server}.stripped COMMAND ${GUEST_STRIP} ${server} -o ${server}.stripped DEPENDS ${server} VERBATIM)
  list(APPEND servers ${server}.stripped)
endforeach()
set(root ${CMAKE_CURRENT_BINARY_DIR}/micro/servers/root)
guest_program(${root} ${micro}/servers/root.ld ${micro}/servers/root_start.S ${micro}/servers/root.c ${stub} ${GUEST_COMMON}/text.c
  ${GUEST_COMMON}/cause.c ${GUEST_COMMON}/disk.c DEPENDS ${servers} ${CMAKE_CURRENT_BINARY_DIR}/micro.img
  FLAGS -Wa,-I${CMAKE_CURRENT_BINARY_DIR})
add_custom_command(OUTPUT ${root}.stripped COMMAND ${GUEST_STRIP} ${root} -o ${root}.stripped DEPENDS ${root} VERBATIM)
set(sources entry.S main.c thread.c ipc.c space.c irq.c)
list(TRANSFORM sources PREPEND ${micro}/)
foreach(name start.S cause.c text.c dt.c pages.c)
  list(APPEND sources ${GUEST_COMMON}/${name})
endforeach()
guest_program(${CMAKE_CURRENT_BINARY_DIR}/micro.elf ${GUEST_COMMON}/kernel.ld ${sources}
  DEPENDS ${root}.stripped FLAGS -Wa,-I${CMAKE_CURRENT_BINARY_DIR} -Wa,-I${GUEST_COMMON})
add_custom_target(micro DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/micro.elf)

add_custom_target(mono DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/mono.elf)

# Small ones in S mode.
set(leaky ${CMAKE_CURRENT_LIST_DIR}/leaky)
guest_program(${CMAKE_CURRENT_BINARY_DIR}/leaky.elf ${leaky}/link.ld ${leaky}/start.S ${leaky}/main.c ${GUEST_COMMON}/text.c)
add_custom_target(leaky DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/leaky.elf)
set(hostile ${CMAKE_CURRENT_LIST_DIR}/hostile)
set(sources ${hostile}/start.S)
foreach(name main tables cpu devices)
  list(APPEND sources ${hostile}/${name}.c)
endforeach()
foreach(name text cause dt disk)
  list(APPEND sources ${GUEST_COMMON}/${name}.c)
endforeach()
guest_program(${CMAKE_CURRENT_BINARY_DIR}/hostile.elf ${hostile}/link.ld ${sources} FLAGS -fno-delete-null-pointer-checks)
add_custom_target(hostile DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/hostile.elf)
add_dependencies(guests mono micro leaky hostile)

# mono, ported to the hypercalls of --vmm para.
include(${CMAKE_CURRENT_LIST_DIR}/para/para.cmake)
