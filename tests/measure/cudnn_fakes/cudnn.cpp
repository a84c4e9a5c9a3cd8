// A cuDNN of version FAKE_VERSION.
extern "C" unsigned long cudnnGetVersion() { return FAKE_VERSION; }
