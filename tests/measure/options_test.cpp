#include "measure/options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "configs/errors.hpp"

namespace naslat {
namespace {

std::string error_of(const std::vector<std::string>& arguments) {
  Command command;
  const auto options = add_device_options(command);
  try {
    command.parse(arguments);
    static_cast<void>(options->device());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceOptions, OfOtherBackendsAreRefusedInOneLine) {
  EXPECT_EQ(error_of({"--backend", "onednn", "--cuda-graph"}), "cuda-graph: got backend 'onednn', wanted cudnn");
  EXPECT_EQ(error_of({"--backend", "simulated", "--autotune"}), "autotune: got backend 'simulated', wanted cudnn");
  EXPECT_EQ(error_of({"--backend", "reference", "--gpu", "0"}), "gpu: got backend 'reference', wanted cudnn");
  EXPECT_EQ(error_of({"--backend", "simulated", "--isa", "avx2"}), "isa: got backend 'simulated', wanted onednn");
  EXPECT_EQ(error_of({"--backend", "reference", "--no-pin"}), "no-pin: got backend 'reference', wanted onednn");
  EXPECT_EQ(error_of({"--backend", "reference", "--threads", "2"}),
            "threads: got backend 'reference', wanted onednn or simulated");
  EXPECT_EQ(error_of({"--backend", "reference", "--threads", "1"}), "");
  EXPECT_EQ(error_of({"--backend", "simulated", "--threads", "2"}), "");
  EXPECT_EQ(error_of({"--backend", "onednn", "--isa", "avx2", "--no-pin"}), "");
}

TEST(DeviceOptions, OnlyOnednnBindsThreads) {
  for (const auto& [backend, bound, name] :
       {std::tuple("onednn", true, ""), std::tuple("simulated", false, "simulated-cpu_like_t1_b1_f32_fused")}) {
    Command command;
    const auto options = add_device_options(command);
    command.parse({"--backend", backend});
    EXPECT_EQ(options->device().pinned, bound);
    if (!bound) {
      EXPECT_EQ(device_name(options->device()), name);
    }
  }
}

TEST(DeviceOptions, WithoutBoundsOrNamesThatBreakFilesAreRefused) {
  EXPECT_EQ(error_of({"--batch", "65537"}), "batch: got 65537, wanted 1..65536");
  for (const char* name : {"../b", "new\nline", "x\xff"}) {
    EXPECT_EQ(error_of({"--device-name", name}), "device-name: wanted UTF-8 without slashes and control characters");
  }
  EXPECT_EQ(error_of({"--device-name", "Küche 1"}), "");
}

}  // namespace
}  // namespace naslat
