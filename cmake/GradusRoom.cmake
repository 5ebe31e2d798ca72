# gradus_room(NAME [LINKS ...] [EXCLUDE PATTERN...] [APART FOLDER...] [PCH ...] [PCH_OF ROOM] [TORCH] [HOT]):
# one static library of every .cpp below the folder, but those whose path matches a pattern. A new file
# needs no line here: ninja looks into the folders whenever it runs. The release build optimises HOT
# rooms, whose own loops take a run's time; the others call them, and compile a third faster at -O1.
# Headers are precompiled for the room or for another room with the same flags, also -O. Torch's headers are
# system headers and reach only the rooms that ask for them.
add_library(gradus_flags INTERFACE)
target_include_directories(gradus_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(gradus_flags INTERFACE
  -Wall -Wextra -Wno-sign-compare
  $<$<BOOL:${GRADUS_WARNINGS_AS_ERRORS}>:-Werror>
  $<$<NOT:$<CONFIG:Debug>>:-D_GLIBCXX_ASSERTIONS>
  # One formula, one result: no fused multiply-add is invented where the source has none.
  -ffp-contract=off)
if(GRADUS_FUZZ)
  target_compile_options(gradus_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GRADUS_SANITIZE)
  target_compile_options(gradus_flags INTERFACE -fsanitize=${GRADUS_SANITIZE} -fno-omit-frame-pointer)
  if(GRADUS_SANITIZE MATCHES "undefined")
    # What these find is a bad access, at which the address sanitizer ends as well; with them, files
    # full of JSON take more than twice as long to compile.
    target_compile_options(gradus_flags INTERFACE
      -fno-sanitize=null,alignment,vptr,object-size,pointer-overflow)
  endif()
  target_link_options(gradus_flags INTERFACE -fsanitize=${GRADUS_SANITIZE})
endif()

# LibTorch as an interface target with system includes.
add_library(gradus_torch INTERFACE)
target_link_libraries(gradus_torch INTERFACE ${TORCH_LIBRARIES})
# ATen/TensorOperators.h and its kin then declare what they use, not all operators.
target_compile_definitions(gradus_torch INTERFACE AT_PER_OPERATOR_HEADERS)
target_include_directories(gradus_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
# LibTorch brings fmt's headers of another version than the system's library. The system's are found
# first; header-only fmt would link as well, but takes seconds in every file.
find_path(GRADUS_FMT_INCLUDE fmt/format.h NO_CMAKE_PREFIX_PATH REQUIRED)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${GRADUS_FMT_INCLUDE}/fmt ${PROJECT_BINARY_DIR}/include/fmt SYMBOLIC)
target_include_directories(gradus_torch BEFORE INTERFACE ${PROJECT_BINARY_DIR}/include)
target_link_libraries(gradus_torch INTERFACE fmt::fmt)

# Headers that most files of a room include and that take seconds to parse.
set(GRADUS_PCH <nlohmann/json.hpp> <fmt/format.h> <filesystem> <functional> <map> <string> <vector>)
set(GRADUS_TORCH_PCH ${GRADUS_PCH} <ATen/core/Tensor.h> <ATen/TensorOperators.h>)

# gradus_precompile(TARGET HEADERS... | TARGET REUSE_FROM OTHER)
function(gradus_precompile TARGET)
  if(ARGV1 STREQUAL "REUSE_FROM")
    target_precompile_headers(${TARGET} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${TARGET} PRIVATE ${ARGN})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${TARGET} PRIVATE -fpch-preprocess)  # so that ccache sees through it
  endif()
endfunction()

# gradus_unity(TARGET APART FILES...): where GRADUS_UNITY is on, up to GRADUS_UNITY_SIZE of the room's
# files are compiled together: templates are then made once, not in each file, and what every file pays
# for its headers, precompiled or not (4 s with LibTorch's), is paid once. Files of the folders in the
# list APART (of other libraries' macros) are never joined with other folders', files with flags of their
# own stay alone. Two files that are compiled together must not give one name to different things;
# GRADUS_UNITY=OFF (the presets for development) compiles each alone, which finds includes that are
# missing.
function(gradus_unity TARGET APART)
  if(NOT GRADUS_UNITY)
    return()
  endif()
  # The room's own files before those of its folders: the ones that speak to one library are together.
  set(inner ${ARGN})
  set(own ${ARGN})
  list(FILTER inner INCLUDE REGEX "/")
  list(FILTER own EXCLUDE REGEX "/")
  foreach(file ${own} ${inner})
    set(group room)
    foreach(folder ${APART})
      if(file MATCHES "^${folder}/")
        set(group ${folder})
      endif()
    endforeach()
    list(APPEND groups ${group})
    list(APPEND files_${group} ${file})
  endforeach()
  list(REMOVE_DUPLICATES groups)
  foreach(group ${groups})  # in as few pieces as the size allows, which are then equally long
    list(LENGTH files_${group} count)
    math(EXPR pieces "(${count} + ${GRADUS_UNITY_SIZE} - 1) / ${GRADUS_UNITY_SIZE}")
    set(place 0)
    foreach(file ${files_${group}})
      math(EXPR piece "${place} * ${pieces} / ${count}")
      set_source_files_properties(${file} PROPERTIES UNITY_GROUP "${group}_${piece}")
      math(EXPR place "${place} + 1")
    endforeach()
  endforeach()
  set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A file that another includes looks like a header, whose types must not hold unnamed namespaces'.
    target_compile_options(${TARGET} PRIVATE -Wno-subobject-linkage
      --param=ggc-min-heapsize=700000)  # KB before garbage is looked for: a tenth of the time
  endif()
endfunction()

# gradus_sources(VARIABLE [PATTERN...]): the .cpp files below this folder, less those of the patterns.
function(gradus_sources VARIABLE)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cpp)
  foreach(pattern ${ARGN})
    list(FILTER files EXCLUDE REGEX "${pattern}")
  endforeach()
  set(${VARIABLE} ${files} PARENT_SCOPE)
endfunction()

function(gradus_room NAME)
  cmake_parse_arguments(ROOM "TORCH;HOT" "PCH_OF" "LINKS;EXCLUDE;PCH;APART" ${ARGN})
  gradus_sources(files ${ROOM_EXCLUDE})
  add_library(gradus_${NAME} STATIC ${files})
  add_library(gradus::${NAME} ALIAS gradus_${NAME})
  gradus_unity(gradus_${NAME} "${ROOM_APART}" ${files})
  target_link_libraries(gradus_${NAME} PUBLIC gradus_flags ${ROOM_LINKS})
  if(ROOM_TORCH)
    target_link_libraries(gradus_${NAME} PUBLIC gradus_torch)
  endif()
  if(NOT ROOM_HOT)
    target_compile_options(gradus_${NAME} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  if(ROOM_PCH_OF)
    gradus_precompile(gradus_${NAME} REUSE_FROM gradus_${ROOM_PCH_OF})
  elseif(ROOM_PCH)
    gradus_precompile(gradus_${NAME} ${ROOM_PCH})
  endif()
endfunction()
