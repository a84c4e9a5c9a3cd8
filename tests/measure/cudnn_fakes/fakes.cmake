# Shared objects that pose as the vendor's libraries, each in a folder of its own; without names of their own inside, by
# which the loader would take them for the real ones later in a process.
target_link_libraries(naslat_tests PRIVATE naslat_cuda_headers)
function(naslat_fake folder file)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;DEFINITIONS")
  set(target fake_${folder}_${file})
  add_library(${target} SHARED ${arg_SOURCES})
  target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE naslat_cuda_headers)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${file} SUFFIX ""
                        NO_SONAME ON
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cudnn_fakes/${folder})
  add_dependencies(naslat_tests ${target})
endfunction()
set(fakes measure/cudnn_fakes)
set(all_of_driver "FAKE_FUNCTIONS=NASLAT_DRIVER_FUNCTIONS" FAKE_STATUS=0)
naslat_fake(old_driver libcuda.so.1 SOURCES ${fakes}/driver.cpp DEFINITIONS FAKE_VERSION=11040 FAKE_GPUS=1)
naslat_fake(broken_driver libcuda.so.1 SOURCES ${fakes}/driver.cpp DEFINITIONS FAKE_VERSION=13000 FAKE_GPUS=1)
naslat_fake(no_gpu libcuda.so.1 SOURCES ${fakes}/stubs.cpp ${fakes}/driver.cpp
            DEFINITIONS ${all_of_driver} FAKE_VERSION=13000 FAKE_GPUS=0)
naslat_fake(driver libcuda.so.1 SOURCES ${fakes}/stubs.cpp ${fakes}/driver.cpp
            DEFINITIONS ${all_of_driver} FAKE_VERSION=13000 FAKE_GPUS=1)
naslat_fake(old_cudnn libcudnn.so.9 SOURCES ${fakes}/cudnn.cpp DEFINITIONS FAKE_VERSION=8907)
naslat_fake(broken_cudnn libcudnn.so.9 SOURCES ${fakes}/cudnn.cpp DEFINITIONS FAKE_VERSION=90100)
naslat_fake(cudnn libcudnn.so.9 SOURCES ${fakes}/stubs.cpp ${fakes}/cudnn.cpp
            DEFINITIONS "FAKE_FUNCTIONS=NASLAT_CUDNN_FUNCTIONS" FAKE_STATUS=1001 FAKE_VERSION=91900)
# Whole GPUs, played by the processor.
naslat_fake(processor libcuda.so.1 SOURCES ${fakes}/stubs.cpp ${fakes}/driver.cpp ${fakes}/processor_driver.cpp
            DEFINITIONS ${all_of_driver} FAKE_VERSION=13000 FAKE_GPUS=4)
naslat_fake(processor libcudnn.so.9 SOURCES ${fakes}/stubs.cpp ${fakes}/cudnn.cpp ${fakes}/processor_cudnn.cpp
            DEFINITIONS "FAKE_FUNCTIONS=NASLAT_CUDNN_FUNCTIONS" FAKE_STATUS=0 FAKE_VERSION=91900)
naslat_fake(processor libcublasLt.so.13 SOURCES ${fakes}/stubs.cpp ${fakes}/processor_cublas_lt.cpp
            DEFINITIONS "FAKE_FUNCTIONS=NASLAT_CUBLASLT_FUNCTIONS" FAKE_STATUS=0)
naslat_fake(processor libnvidia-ml.so.1 SOURCES ${fakes}/nvml.cpp
            DEFINITIONS FAKE_REASONS=nvmlDeviceGetCurrentClocksEventReasons FAKE_STATUS=0)
naslat_fake(old_nvml libnvidia-ml.so.1 SOURCES ${fakes}/nvml.cpp
            DEFINITIONS FAKE_REASONS=nvmlDeviceGetCurrentClocksThrottleReasons FAKE_STATUS=3)
target_compile_definitions(naslat_tests PRIVATE NASLAT_CUDNN_FAKES="${CMAKE_CURRENT_BINARY_DIR}/cudnn_fakes"
                           NASLAT_CUDA_LIBRARIES="${CUDAToolkit_LIBRARY_DIR}")

# The program opens everything of a GPU's while it runs: nothing but the C library is there to be found at its start.
add_test(NAME CudnnProgram.NeedsTheCLibraryOnly
         COMMAND sh -c "! ${CMAKE_OBJDUMP} -p $<TARGET_FILE:naslat> | grep NEEDED | grep -vE 'lib[cm]\\.so|ld-linux'")
add_test(NAME CudnnProgram.MeasuresOnAPlayedGpu
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/measure/cudnn_program_test.sh $<TARGET_FILE:naslat>
                 ${CMAKE_CURRENT_BINARY_DIR}/cudnn_fakes/processor)
