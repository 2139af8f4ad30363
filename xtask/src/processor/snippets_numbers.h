// Of snippets.c: what computes, by all means there are.

u64 divisions(u64 seed, u8 *memory) {
    u64 state = seed + 13, result = 0;
    for (int n = 0; n < 100; n++) {
        u64 a = next(&state), b = next(&state) >> n % 60 | 1;
        result += a / b + a % b * 3 + (u32)a / (u32)(b | 1) + (u16)a % (u16)(b | 1) + (u8)a / (u8)(b | 1);
        result += a / 10 + a % 1000 + (u32)a / 7;
    }
    memory[1] = result;
    return result;
}

u64 signed_divisions(u64 seed, u8 *memory) {
    u64 state = seed + 17;
    i64 result = 0;
    for (int n = 0; n < 100; n++) {
        i64 a = next(&state), b = (i64)next(&state) >> n % 60 | 1;
        if (b == -1) b = 3;
        result += a / b - a % b + (int)a / ((short)b | 2) % 17 + (short)a / 100 + a / -7 + (a >> 5);
        result ^= (signed char)a * (short)b;
    }
    memory[2] = result;
    return result;
}

u64 carries(u64 seed, u8 *memory) {
    fill(seed, memory, 1024);
    u64 *a = (u64 *)memory, *b = a + 32, *sum = a + 64, *rest = a + 96;
    u64 carry = 0, borrow = 0;
    for (int n = 0; n < 32; n++) {
        u64 part;
        carry = __builtin_add_overflow(a[n], carry, &part);
        carry |= __builtin_add_overflow(part, b[n], &sum[n]);
        borrow = __builtin_sub_overflow(a[n], borrow, &part);
        borrow |= __builtin_sub_overflow(part, b[n], &rest[n]);
    }
    int overflows = 0, product;
    for (int n = 0; n < 64; n++) overflows += __builtin_mul_overflow((int)a[n], (int)(a[n] >> 40), &product);
    return carry << 8 | borrow << 7 | overflows;
}

u64 atomics(u64 seed, u8 *memory) {
    u64 *one = (u64 *)memory, result = 0;
    u32 *two = (u32 *)memory + 5;
    *one = seed;
    for (int n = 0; n < 50; n++) {
        result += __atomic_fetch_add(one, n * seed, __ATOMIC_SEQ_CST);
        result ^= __atomic_exchange_n(two, (u32)result, __ATOMIC_SEQ_CST);
        u64 expected = n & 1 ? *one : 5;
        result += __atomic_compare_exchange_n(one, &expected, result, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        result += expected + __atomic_fetch_or(two, 1u << n % 32, __ATOMIC_SEQ_CST) + __atomic_sub_fetch(one, 3, __ATOMIC_SEQ_CST);
        result += __atomic_fetch_and(memory + 100, (u8)n, __ATOMIC_SEQ_CST);
    }
    return result;
}

u64 rotations(u64 seed, u8 *memory) {
    u64 x = seed;
    for (int n = 1; n < 60; n++) {
        x = x << n | x >> (64 - n);
        u32 y = x;
        y = y << n % 31 | y >> (32 - n % 31) % 32;
        u16 z = y;
        z = z << 5 | z >> 11;
        x += y ^ z;
        x ^= x >> (x & 63), x += x << (x >> 7 & 31);
    }
    memory[0] = x;
    return x;
}

u64 matrix(u64 seed, u8 *memory) {
    float *a = (float *)memory, *b = a + 64, *c = a + 128;
    for (int n = 0; n < 64; n++) a[n] = (float)(n * (seed % 97)) / 7, b[n] = (float)(n - 32) * 0.25f;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            float sum = 0;
            for (int k = 0; k < 8; k++) sum += a[8 * y + k] * b[8 * k + x];
            c[8 * y + x] = sum;
        }
    return (u64)(i64)c[seed % 64];
}

u64 conversions(u64 seed, u8 *memory) {
    u64 state = seed + 19, result = 0;
    for (int n = 0; n < 100; n++) {
        i64 x = (i64)next(&state) >> n % 40;
        double d = (double)x * 1.25;
        float f = (float)d;
        result += (u64)(i64)(d / 1024) + (int)(x % 100000 * 0.5) + (u32)(f > 0 && f < 4e9f ? f : 1.5f);
        result ^= bits_of((double)f) + bits_of((double)(u64)x) + (u64)(i64)(float)(int)x;
        ((float *)memory)[n] = (float)(u64)x;
    }
    return result;
}
