// A shared object that poses as one of the vendor's libraries: every function of our table is there and answers
// FAKE_STATUS, unless driver.cpp or cudnn.cpp beside this file says better.
#include "measure/backends/cudnn/function_lists.hpp"

#define NASLAT_STUB(function) \
  extern "C" __attribute__((weak)) int function() { return FAKE_STATUS; }
FAKE_FUNCTIONS(NASLAT_STUB)
