#pragma once
/// Instruction sets that kernels are compiled for, included before Highway's headers: EMU128 (plain C++), SSE4, AVX2, AVX-512, NEON.
/// SVE's vectors have no size, so they fit no struct; SSSE3 without SSE4.1 has died out.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

/// Before a loop over an array of vectors, so that these stay in registers; Clang unrolls such loops unasked.
#if defined(__clang__)
#define DARE_UNROLL
#else
#define DARE_UNROLL _Pragma("GCC unroll 8")
#endif
