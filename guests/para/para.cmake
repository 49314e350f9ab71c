# SPDX-License-Identifier: MIT
# para.elf: mono, with its own copies of the files that the port changes.
set(para ${CMAKE_CURRENT_LIST_DIR})
set(ported entry.S main.c memory.c trap.c proc.c device.c pages.c disk.c clock.c console.c)
set(as_is ${para}/../mono/exec.c ${para}/../mono/syscall.c)
foreach(name start.S cause.c text.c dt.c fs.c)
  list(APPEND as_is ${GUEST_COMMON}/${name})
endforeach()
list(TRANSFORM ported PREPEND ${para}/)
guest_program(${CMAKE_CURRENT_BINARY_DIR}/para.elf ${GUEST_COMMON}/kernel.ld ${ported} ${as_is}
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/mono.img ${para}/para.h ${para}/../../src/monitor/vmm/para_abi.h
  FLAGS -I${para}/../mono -I${para}/../../src/monitor/vmm -Wa,-I${CMAKE_CURRENT_BINARY_DIR} -Wa,-I${GUEST_COMMON})
set(attack attack.c entry.S pages.c console.c)
list(TRANSFORM attack PREPEND ${para}/)
foreach(name start.S cause.c text.c dt.c)
  list(APPEND attack ${GUEST_COMMON}/${name})
endforeach()
guest_program(${CMAKE_CURRENT_BINARY_DIR}/para-attack.elf ${GUEST_COMMON}/kernel.ld ${attack}
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/mono.img ${para}/para.h ${para}/../../src/monitor/vmm/para_abi.h
  FLAGS -I${para}/../../src/monitor/vmm -Wa,-I${CMAKE_CURRENT_BINARY_DIR} -Wa,-I${GUEST_COMMON})
add_custom_target(para DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/para.elf ${CMAKE_CURRENT_BINARY_DIR}/para-attack.elf)
add_dependencies(guests para)
