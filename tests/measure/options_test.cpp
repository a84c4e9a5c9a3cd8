#include "measure/options.hpp"

#include <gtest/gtest.h>

#include <string>
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

TEST(DeviceOptions, OfGpusAreRefusedElsewhereInOneLine) {
  EXPECT_EQ(error_of({"--backend", "onednn", "--cuda-graph"}),
            "cuda-graph: got backend 'onednn', wanted cudnn: for GPUs only");
  EXPECT_EQ(error_of({"--backend", "simulated", "--autotune"}),
            "autotune: got backend 'simulated', wanted cudnn: for GPUs only");
  EXPECT_EQ(error_of({"--backend", "reference", "--gpu", "0"}),
            "gpu: got backend 'reference', wanted cudnn: for GPUs only");
  EXPECT_EQ(error_of({"--backend", "onednn"}), "");
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
