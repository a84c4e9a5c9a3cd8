# Finds the distribution's packages and builds oneDNN where it is not yet built. Versions and reasons: README.md here.
find_package(Threads REQUIRED)
if(NASLAT_STATIC OR NASLAT_CUDNN) # FindOpenMP would take the shared runtime
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgomp.a OUTPUT_VARIABLE libgomp OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(OpenMP_gomp_LIBRARY ${libgomp} CACHE FILEPATH "static OpenMP runtime")
endif()
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(toml11 REQUIRED) # Debian 13's 4.4 does not say that it serves a request for 3.7; configs/reader.cpp knows both
if(toml11_VERSION VERSION_LESS 3.7)
  message(FATAL_ERROR "toml11: got ${toml11_VERSION}, wanted 3.7 or newer")
endif()
find_package(CLI11 2.1 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9 REQUIRED)
add_library(naslat_fmt STATIC ${CMAKE_SOURCE_DIR}/third_party/fmt.cpp) # static, which Debian's fmt::fmt is not
target_include_directories(naslat_fmt SYSTEM PUBLIC $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)

# These have no CMake package; all are static in every flavour of the binary.
find_library(MINIZIP_LIBRARY NAMES libminizip.a REQUIRED)
find_library(ZLIB_STATIC_LIBRARY NAMES libz.a REQUIRED)
find_path(MINIZIP_INCLUDE minizip/unzip.h REQUIRED)
add_library(naslat_minizip INTERFACE)
target_include_directories(naslat_minizip SYSTEM INTERFACE ${MINIZIP_INCLUDE})
target_link_libraries(naslat_minizip INTERFACE ${MINIZIP_LIBRARY} ${ZLIB_STATIC_LIBRARY})
find_library(CMARK_LIBRARY NAMES libcmark-gfm.a REQUIRED)
find_library(CMARK_EXTENSIONS_LIBRARY NAMES libcmark-gfm-extensions.a REQUIRED)
find_path(CMARK_INCLUDE cmark-gfm-core-extensions.h REQUIRED)
add_library(naslat_cmark INTERFACE)
target_include_directories(naslat_cmark SYSTEM INTERFACE ${CMARK_INCLUDE})
target_compile_definitions(naslat_cmark INTERFACE CMARK_GFM_STATIC_DEFINE CMARK_GFM_EXTENSIONS_STATIC_DEFINE)
target_link_libraries(naslat_cmark INTERFACE ${CMARK_EXTENSIONS_LIBRARY} ${CMARK_LIBRARY})

execute_process(COMMAND ${CMAKE_COMMAND} -E env CXX=${CMAKE_CXX_COMPILER} CMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE} ${CMAKE_SOURCE_DIR}/third_party/onednn.sh
                        ${NASLAT_ONEDNN_SOURCE}
                OUTPUT_VARIABLE onednn_prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_package(dnnl 3.7 REQUIRED CONFIG PATHS ${onednn_prefix} NO_DEFAULT_PATH)
target_link_libraries(DNNL::dnnl INTERFACE OpenMP::OpenMP_CXX) # says so nowhere, and a static link needs the order

# The GPU backend takes types from CUDA's and cuDNN's headers and compiles its own kernels; it links nothing of them.
if(NASLAT_CUDNN)
  if(NASLAT_STATIC)
    message(FATAL_ERROR "NASLAT_CUDNN: a static program cannot open GPU libraries: got NASLAT_STATIC=ON, wanted OFF")
  endif()
  find_package(CUDAToolkit 12 QUIET)
  find_path(CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  set(cudnn_version "none")
  if(CUDNN_INCLUDE)
    file(STRINGS ${CUDNN_INCLUDE}/cudnn_version.h cudnn_version REGEX "^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ")
    string(REGEX REPLACE "[^0-9;]" "" cudnn_version "${cudnn_version}")
    string(REPLACE ";" "." cudnn_version "${cudnn_version}")
  endif()
  if(CUDAToolkit_FOUND AND cudnn_version VERSION_GREATER_EQUAL 9.8)
    add_library(naslat_cuda_headers INTERFACE)
    target_include_directories(naslat_cuda_headers SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} ${CUDNN_INCLUDE})
  else()
    message(WARNING "NASLAT_CUDNN: left out: wanted the CUDA toolkit 12 or newer (got: ${CUDAToolkit_VERSION}) "
                    "and cudnn.h 9.8 or newer (got: ${cudnn_version})")
  endif()
endif()
