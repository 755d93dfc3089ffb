#pragma once
/// Instruction sets that kernels are compiled for, included before Highway's headers: plain C++ (EMU128; SCALAR where Highway holds that
/// for broken: GCC before 12.3), SSE4, AVX2, AVX-512, NEON. SVE's vectors have no size, so they fit no struct; SSSE3 without SSE4.1 has
/// died out.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

/// Of the instruction set being compiled, within `#if` after Highway's headers. Highway numbers those of x86 below all others, a better one
/// lower, so that an order finds AVX-512 in each of its kinds (AVX3, AVX3_DL, AVX3_ZEN4, ...): mask registers, vectors of 512 bits.
#define DARE_IS_AVX512 (HWY_TARGET <= HWY_AVX3)
/// Converts float16 by instruction: AVX2, which comes with F16C, and what is better.
#define DARE_HAS_F16C (HWY_TARGET <= HWY_AVX2)
/// 32 vector registers: AVX-512 and the kinds of NEON that 64-bit Arm has.
#define DARE_HAS_32_REGISTERS (DARE_IS_AVX512 || (HWY_ARCH_ARM_A64 && HWY_TARGET < HWY_EMU128))

/// Before a loop over an array of vectors, so that these stay in registers; Clang unrolls such loops unasked.
#if defined(__clang__)
#define DARE_UNROLL
#else
#define DARE_UNROLL _Pragma("GCC unroll 8")
#endif
