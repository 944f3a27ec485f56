# SPDX-License-Identifier: GPL-3.0-or-later
# safequant_room(NAME [OWN_HEADER] DEPENDS room... LIBRARIES lib...): one static library for every source file of the current
# folder. The DEPENDS line is the layering: a room sees the rooms it names and no other. OWN_HEADER: it does not share the common precompiled
# header.
function(safequant_room name)
  cmake_parse_arguments(ROOM "OWN_HEADER" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp" "${CMAKE_CURRENT_SOURCE_DIR}/*.h")
  set(target "safequant_${name}")
  add_library(${target} STATIC ${sources})
  add_library(safequant::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
  target_link_libraries(${target} PRIVATE safequant_warnings ${ROOM_PRIVATE_LIBRARIES} PUBLIC ${ROOM_LIBRARIES})
  foreach(room IN LISTS ROOM_DEPENDS)
    target_link_libraries(${target} PUBLIC safequant::${room})
  endforeach()
  if(NOT ROOM_OWN_HEADER)
    safequant_precompiled(${target} safequant_base)
  endif()
endfunction()
