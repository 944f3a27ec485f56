# SPDX-License-Identifier: GPL-3.0-or-later
# -DSAFEQUANT_SANITIZE=address,undefined (or thread) instruments everything, or with -DSAFEQUANT_SANITIZE_WINDOW=ON the window's own code and
# the tests alone: the engine is another process, and what the window shares with it is built as ever.
set(SAFEQUANT_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")
option(SAFEQUANT_SANITIZE_WINDOW "Instrument the window and the tests alone" OFF)
set(sanitizers -fsanitize=${SAFEQUANT_SANITIZE} -fno-omit-frame-pointer)
if(SAFEQUANT_SANITIZE AND NOT SAFEQUANT_SANITIZE_WINDOW)
  add_compile_options(${sanitizers})
  add_link_options(-fsanitize=${SAFEQUANT_SANITIZE})
endif()
# Stands at the head of folders of the window and of tests.
macro(safequant_window_folder)
  if(SAFEQUANT_SANITIZE AND SAFEQUANT_SANITIZE_WINDOW)
    add_compile_options(${sanitizers} -O1 -g1)
    link_libraries(-fsanitize=${SAFEQUANT_SANITIZE})
  endif()
endmacro()
if(SAFEQUANT_ASSERTIONS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
