"""Stands in for the package xxhash where it is not installed: XXH3 with 64 bits, seed 0, of 1 to 128 bytes, by its specification."""

MASK = 2**64 - 1
PRIME64_1, PRIME64_2, PRIME64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
PRIME_MX1, PRIME_MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
)


def word(data, at, size=8):
    return int.from_bytes(data[at:at + size], "little")


def swapped(x):
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def folded(a, b):
    return (a * b & MASK) ^ (a * b >> 64)


def avalanche(h):
    h = (h ^ h >> 37) * PRIME_MX1 & MASK
    return h ^ h >> 32


def of_1_to_3(data):
    n = len(data)
    h = (data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8) ^ word(SECRET, 0, 4) ^ word(SECRET, 4, 4)
    h = (h ^ h >> 33) * PRIME64_2 & MASK
    h = (h ^ h >> 29) * PRIME64_3 & MASK
    return h ^ h >> 32


def of_4_to_8(data):
    n = len(data)
    h = (word(data, n - 4, 4) + (word(data, 0, 4) << 32)) ^ word(SECRET, 8) ^ word(SECRET, 16)
    h ^= (h << 49 | h >> 15) & MASK ^ (h << 24 | h >> 40) & MASK
    h = h * PRIME_MX2 & MASK
    h = (h ^ (h >> 35) + n) * PRIME_MX2 & MASK
    return h ^ h >> 28


def of_9_to_16(data):
    low = word(data, 0) ^ word(SECRET, 24) ^ word(SECRET, 32)
    high = word(data, len(data) - 8) ^ word(SECRET, 40) ^ word(SECRET, 48)
    return avalanche(len(data) + swapped(low) + high + folded(low, high) & MASK)


def of_17_to_128(data):
    n = len(data)

    def mixed(at, secret):
        return folded(word(data, at) ^ word(SECRET, secret), word(data, at + 8) ^ word(SECRET, secret + 8))

    total = n * PRIME64_1
    for i in range((n + 31) // 32):
        total += mixed(16 * i, 32 * i) + mixed(n - 16 * (i + 1), 32 * i + 16)
    return avalanche(total & MASK)


def xxh3_64_intdigest(data):
    n = len(data)
    if not 1 <= n <= 128:
        raise ValueError(f"{n} bytes: install the package xxhash for other lengths than 1 to 128")
    return (of_1_to_3 if n < 4 else of_4_to_8 if n < 9 else of_9_to_16 if n < 17 else of_17_to_128)(data)
