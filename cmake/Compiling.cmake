# SPDX-License-Identifier: GPL-3.0-or-later
# What makes a cold build short: precompiled headers for what nearly every file includes, and (SAFEQUANT_QUICK_BUILD, which the
# tests use) full optimisation for the files with inner loops alone, and the others compiled some at once. So names in unnamed namespaces
# must differ within a room, which also shows what is written twice.
option(SAFEQUANT_QUICK_BUILD "Optimise fully only what safequant_kernels() names; for tests, not for measuring" OFF)
if(SAFEQUANT_QUICK_BUILD)
  set(CMAKE_UNITY_BUILD ON CACHE BOOL "Compile some files at once")
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)
  string(REPLACE "-O3" "-O1" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
endif()

set(SAFEQUANT_COMMON_HEADERS <algorithm> <array> <atomic> <charconv> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional>
  <limits> <map> <memory> <mutex> <numeric> <optional> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <utility>
  <variant> <vector> <nlohmann/json.hpp> <tl/expected.hpp>)

# safequant_kernels(FILE...): files of the current folder whose inner loops need every optimisation in every build.
function(safequant_kernels)
  if(SAFEQUANT_QUICK_BUILD)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -O3)
    set_property(SOURCE ${ARGN} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# safequant_header(TARGET LIBRARY HEADER): compiles the common headers and one of a library for others to share. Nothing else is in it, for a
# definition that a later target lacks would make the compiler refuse it.
function(safequant_header target library header)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp" "")
  add_library(${target} STATIC "${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp")
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON AUTOMOC OFF)
  target_link_libraries(${target} PRIVATE safequant_warnings ${library} safequant::base)
  target_precompile_headers(${target} PRIVATE ${SAFEQUANT_COMMON_HEADERS} ${header})
endfunction()

# safequant_precompiled(TARGET OWNER): the common headers as OWNER compiled them; the first target of all compiles them itself.
function(safequant_precompiled target owner)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${SAFEQUANT_COMMON_HEADERS})
  else()
    # The header serves only those who compile as it was compiled; Qt 6.4 asks for -fPIC everywhere, Qt 6.8 no longer does.
    get_target_property(independent ${owner} POSITION_INDEPENDENT_CODE)
    if(independent)
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
