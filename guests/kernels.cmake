# SPDX-License-Identifier: MIT
# For mono and micro, which share the folders common/ and user/.
find_program(GUEST_STRIP NAMES riscv64-unknown-elf-strip riscv64-linux-gnu-strip DOC "strip for the example guests")
set(GUEST_COMMON ${CMAKE_CURRENT_LIST_DIR}/common)
set(GUEST_KERNEL_FLAGS -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax -O2 -g -std=gnu17 -ffreestanding
    -fno-builtin -fno-common -fno-omit-frame-pointer -fno-optimize-sibling-calls -Wall -Wextra -Wshadow -Wswitch-enum
    -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes -I${CMAKE_CURRENT_LIST_DIR}/common -I${CMAKE_CURRENT_LIST_DIR}/user
    -nostdlib -static -Wl,--no-relax -Wl,--no-warn-rwx-segments -Wl,--build-id=none -Wl,-z,max-page-size=4096)
if(VITRINE_WERROR)
  list(APPEND GUEST_KERNEL_FLAGS -Werror)
endif()

# The image maker runs here.
add_executable(guest-mkfs EXCLUDE_FROM_ALL ${GUEST_COMMON}/mkfs.c ${GUEST_COMMON}/fs.c)
target_include_directories(guest-mkfs PRIVATE ${GUEST_COMMON})

set(GUEST_PROGRAMS sh ls cat echo rm ps kill sleep spin primes date stat crash poke bench true tests)

# guest_program(OUTPUT SCRIPT SOURCE... [DEPENDS FILE...] [FLAGS FLAG...])
function(guest_program output script)
  cmake_parse_arguments(PARSE_ARGV 2 a "" "" "DEPENDS;FLAGS")
  file(GLOB headers CONFIGURE_DEPENDS ${GUEST_COMMON}/*.h ${GUEST_COMMON}/../user/*.h ${GUEST_COMMON}/../mono/*.h ${GUEST_COMMON}/../micro/*.h)
  add_custom_command(OUTPUT ${output}
    COMMAND ${GUEST_CC} ${GUEST_KERNEL_FLAGS} ${a_FLAGS} -T ${script} ${a_UNPARSED_ARGUMENTS} -o ${output}
    DEPENDS ${a_UNPARSED_ARGUMENTS} ${headers} ${script} ${a_DEPENDS} VERBATIM)
endfunction()

# guest_disk(KERNEL): the programs with the library's way to that kernel (user/sys_KERNEL.c), in KERNEL/programs/ with symbols for the
# debugger, and KERNEL.img, a disk with them.
function(guest_disk kernel)
  set(user ${GUEST_COMMON}/../user)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${kernel})
  set(files ${user}/motd)
  file(MAKE_DIRECTORY ${out}/programs ${out}/stripped)
  foreach(name ${GUEST_PROGRAMS})
    guest_program(${out}/programs/${name} ${user}/user.ld ${user}/start.S ${user}/${name}.c ${user}/lib.c ${user}/sys_${kernel}.c
      ${GUEST_COMMON}/text.c)
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
add_custom_target(mono ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/mono.elf)
