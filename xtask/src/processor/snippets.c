// Functions that are run twice: by the processor this runs on, and by the interpreter. Each takes a number to
// begin with and 4096 bytes of memory, and returns a number.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define SNIPPETS(each)                                                                                     \
    each(insertion_sort) each(quick_sort) each(mix_hash) each(check_sum) each(copies) each(strings)        \
    each(wide_products) each(switches) each(floats) each(singles) each(bit_tricks) each(records)           \
    each(recursion) each(pointers) each(base64) each(divisions) each(signed_divisions) each(carries)       \
    each(atomics) each(rotations) each(matrix) each(conversions) each(bytes_and_words) each(sieve)         \
    each(block_cipher) each(minimum) each(averages) each(fields)

static u64 next(u64 *state) {
    u64 x = *state;
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return *state = x;
}

static void fill(u64 seed, u8 *memory, int count) {
    u64 state = seed * 2 + 1;
    for (int n = 0; n < count; n++) memory[n] = next(&state) >> 24;
}

u64 insertion_sort(u64 seed, u8 *memory) {
    fill(seed, memory, 256);
    u16 *words = (u16 *)memory;
    for (int n = 1; n < 128; n++) {
        u16 word = words[n];
        int at = n;
        for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
        words[at] = word;
    }
    return words[64];
}

static void sort(int *from, int *to) {
    if (to - from < 2) return;
    int pivot = from[(to - from) / 2], *left = from, *right = to - 1;
    while (left <= right) {
        while (*left < pivot) left++;
        while (*right > pivot) right--;
        if (left <= right) {
            int kept = *left;
            *left++ = *right, *right-- = kept;
        }
    }
    sort(from, right + 1), sort(left, to);
}

u64 quick_sort(u64 seed, u8 *memory) {
    fill(seed, memory, 1200);
    sort((int *)memory, (int *)memory + 300);
    return ((u32 *)memory)[17];
}

u64 mix_hash(u64 seed, u8 *memory) {
    fill(seed, memory, 512);
    u64 hash = seed ^ 0xcbf29ce484222325;
    for (int n = 0; n < 512; n++) hash = (hash ^ memory[n]) * 0x100000001b3;
    for (int n = 0; n < 64; n++) hash ^= ((u64 *)memory)[n] * 0x9E3779B97F4A7C15, hash = hash << 31 | hash >> 33;
    return hash;
}

u64 check_sum(u64 seed, u8 *memory) {
    fill(seed, memory, 300);
    u32 sum = ~0u;
    for (int n = 0; n < 300; n++) {
        sum ^= memory[n];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (0xEDB88320 & -(sum & 1));
    }
    u32 a = 1, b = 0;
    for (int n = 0; n < 300; n++) a = (a + memory[n]) % 65521, b = (b + a) % 65521;
    return (u64)sum << 32 | (b << 16 ^ a);
}

u64 copies(u64 seed, u8 *memory) {
    fill(seed, memory, 1024);
    int length = seed % 700, from = seed / 7 % 300, to = 1024 + seed / 3 % 500;
    __builtin_memcpy(memory + to, memory + from, 200);
    for (int n = 0; n < length; n++) memory[to + n] ^= memory[from + n];
    for (int n = length; n > 0; n--) memory[2500 + n] = memory[from + n];
    __builtin_memset(memory + 3500, (int)seed, 333);
    u8 *target = memory + 2048, *source = memory + from;
    u64 left = length;
    __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(left) : : "memory");
    return length;
}

u64 strings(u64 seed, u8 *memory) {
    fill(seed, memory, 500);
    for (int n = 0; n < 500; n++) memory[n] = "abcdefghij klmno"[memory[n] & 15];
    memory[499 - seed % 100] = 0;
    int length = 0, words = 0, letters = 0;
    for (u8 *at = memory; *at; at++) length++, words += *at == ' ', letters += *at >= 'f' && *at <= 'm';
    for (int n = 0; n < length / 2; n++) {
        u8 kept = memory[n];
        memory[n] = memory[length - 1 - n], memory[length - 1 - n] = kept;
    }
    for (int n = 0; n < length; n++)
        if (memory[n] >= 'a' && memory[n] <= 'z') memory[n] -= 32;
    return length * 1000000ull + words * 1000 + letters;
}

u64 wide_products(u64 seed, u8 *memory) {
    unsigned __int128 all = seed;
    __int128 other = -(__int128)seed;
    for (int n = 0; n < 50; n++) {
        all = all * 0xDA942042E4DD58B5 + (all >> 71);
        other = other * 3 - (other >> 9) + (i64)all;
        if (other < all) other ^= all << 3;
    }
    ((unsigned __int128 *)memory)[0] = all, ((__int128 *)memory)[1] = other;
    return all >> 64 ^ (u64)other;
}

u64 switches(u64 seed, u8 *memory) {
    u64 state = seed + 1, result = 0;
    for (int n = 0; n < 400; n++) {
        u64 drawn = next(&state);
        switch (drawn >> 20 & 15) {
        case 0: result += drawn; break;
        case 1: result ^= drawn; break;
        case 2: result = result << 3 | result >> 61; break;
        case 3: result -= n; // falls through
        case 4: result *= 5; break;
        case 5: result |= drawn & 0xFF; break;
        case 6: result = ~result; break;
        case 7: memory[drawn & 127]++; break;
        case 9: result += memory[drawn & 127]; break;
        case 12: n++; break;
        case 14: result = (u32)result; break;
        default: result = -result;
        }
    }
    return result;
}

static double root(double number) {
    __asm__("sqrtsd %0, %0" : "+x"(number));
    return number;
}

static u64 bits_of(double number) { return *(u64 *)&number; }

u64 floats(u64 seed, u8 *memory) {
    double *all = (double *)memory, sum = 0;
    u64 state = seed + 3;
    for (int n = 0; n < 200; n++) all[n] = (double)(i64)next(&state) / (1 << n % 60);
    for (int n = 1; n < 200; n++) {
        all[n] = all[n] * 0.75 + all[n - 1] / 3.0 - 1e3;
        sum += all[n] > sum ? root(all[n] < 0 ? -all[n] : all[n]) : all[n] * 1e-9;
    }
    return bits_of(sum);
}

u64 singles(u64 seed, u8 *memory) {
    float *all = (float *)memory, least = 0;
    u64 state = seed + 5;
    for (int n = 0; n < 300; n++) all[n] = (float)(int)next(&state) * 0.001f;
    for (int n = 0; n < 300; n++) all[n + 300] = all[n] * all[299 - n] + all[n] - 2.5f;
    for (int n = 0; n < 600; n++) least = all[n] < least ? all[n] : least;
    return (u64)(i64)least;
}

static int count(u64 x) {
#ifdef __POPCNT__
    return __builtin_popcountll(x);
#else
    int ones = 0;
    for (; x; x &= x - 1) ones++;
    return ones;
#endif
}

u64 bit_tricks(u64 seed, u8 *memory) {
    u64 state = seed + 7, result = 0;
    for (int n = 0; n < 200; n++) {
        u64 x = next(&state) >> n % 50 | 1;
        result += count(x) * 3 + __builtin_clzll(x) * 5 + __builtin_ctzll(x << 5) + __builtin_clz((u32)x | 1);
        result ^= __builtin_bswap64(x) ^ __builtin_bswap32(x) ^ __builtin_bswap16(x);
        result += (x & x - 1) ^ (x & -x) ^ (~x & state);
        if (x >> (n & 63) & 1) result ^= 1ull << (x & 63);
        memory[x & 511] |= 1 << (x >> 9 & 7);
    }
    return result;
}

// Packed: what is between members is what was there before.
struct __attribute__((packed)) record {
    u8 kind;
    u32 count;
    short level;
    u64 values[3];
    char name[13];
};

u64 records(u64 seed, u8 *memory) {
    struct record *all = (struct record *)memory, one = {1, 2, -3, {4, 5, 6}, "a record"};
    u64 sum = 0;
    for (int n = 0; n < 30; n++) {
        one.kind += seed, one.count *= 3, one.level -= 1000, one.values[n % 3] ^= seed * n;
        one.name[n % 12] += n;
        all[n] = one;
    }
    for (int n = 0; n < 30; n++) {
        struct record copy = all[29 - n];
        sum += copy.kind + copy.count * copy.level + copy.values[1] + copy.name[7];
    }
    return sum;
}

static u64 ackermann(u64 m, u64 n) { return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1)); }

static u64 fibonacci(u32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

u64 recursion(u64 seed, u8 *memory) {
    memory[0] = ackermann(2, seed % 5);
    return fibonacci(10 + seed % 6);
}

static u64 plus(u64 a, u64 b) { return a + b; }
static u64 minus(u64 a, u64 b) { return a - b; }
static u64 times(u64 a, u64 b) { return a * b; }
static u64 either(u64 a, u64 b) { return a ^ b >> 3; }

u64 pointers(u64 seed, u8 *memory) {
    u64 (*operations[4])(u64, u64) = {plus, minus, times, either};
    u64 state = seed + 11, result = 1;
    for (int n = 0; n < 100; n++) {
        u64 drawn = next(&state);
        result = operations[drawn & 3](result, drawn);
    }
    *(u64 *)memory = result;
    return result;
}

u64 base64(u64 seed, u8 *memory) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fill(seed, memory, 600);
    for (int n = 0; n < 200; n++) {
        u32 three = memory[3 * n] << 16 | memory[3 * n + 1] << 8 | memory[3 * n + 2];
        for (int k = 0; k < 4; k++) memory[1000 + 4 * n + k] = digits[three >> (18 - 6 * k) & 63];
    }
    return memory[1000 + seed % 800];
}

#include "snippets_numbers.h"

u64 bytes_and_words(u64 seed, u8 *memory) {
    fill(seed, memory, 800);
    signed char *bytes = (signed char *)memory;
    short *words = (short *)memory;
    i64 sum = 0;
    for (int n = 0; n < 400; n++) {
        bytes[n] = bytes[n] + bytes[n + 1] * 3 > 100 ? 100 : bytes[n] + bytes[n + 1] * 3;
        sum += bytes[n];
        if (n < 200) words[n + 200] = words[n] * words[n + 1] >> 4, sum -= words[n + 200];
    }
    return sum;
}

u64 sieve(u64 seed, u8 *memory) {
    int limit = 2000 + seed % 2000, count = 0;
    for (int n = 2; n < limit; n++) {
        if (memory[n]) continue;
        count++;
        for (int k = 2 * n; k < limit; k += n) memory[k] = 1;
    }
    return count;
}

u64 block_cipher(u64 seed, u8 *memory) {
    u32 *data = (u32 *)memory, key[4] = {seed, seed >> 7, ~seed, 0x9E3779B9};
    fill(seed, memory, 256);
    for (int block = 0; block < 64; block += 2) {
        u32 a = data[block], b = data[block + 1], sum = 0;
        for (int round = 0; round < 32; round++) {
            sum += 0x9E3779B9;
            a += (b << 4) + key[0] ^ b + sum ^ (b >> 5) + key[1];
            b += (a << 4) + key[2] ^ a + sum ^ (a >> 5) + key[3];
        }
        data[block] = a, data[block + 1] = b;
    }
    return data[seed % 64];
}

u64 minimum(u64 seed, u8 *memory) {
    fill(seed, memory, 2048);
    int *words = (int *)memory, least = 0x7FFFFFFF, most = -least;
    u8 low = 255, high = 0;
    u32 at = 0;
    for (int n = 0; n < 512; n++) {
        if (words[n] < least) least = words[n], at = n;
        most = words[n] > most ? words[n] : most;
    }
    for (int n = 0; n < 2048; n++) low = memory[n] < low ? memory[n] : low, high = memory[n] > high ? memory[n] : high;
    return (u64)(u32)(least ^ most) << 32 | at << 16 | low << 8 | high;
}

u64 averages(u64 seed, u8 *memory) {
    fill(seed, memory, 1024);
    for (int n = 0; n < 512; n++) memory[2048 + n] = (memory[n] + memory[n + 512] + 1) / 2;
    u16 *words = (u16 *)memory;
    u32 sum = 0;
    for (int n = 0; n < 256; n++) {
        int difference = words[n] - words[n + 256];
        sum += difference < 0 ? -difference : difference;
        words[n] = words[n] + words[n + 256] > 65535 ? 65535 : words[n] + words[n + 256];
    }
    return sum;
}

struct fields {
    u32 a : 3, b : 7, c : 12;
    int d : 9;
    u64 e : 40;
    i64 f : 24;
};

u64 fields(u64 seed, u8 *memory) {
    struct fields *all = (struct fields *)memory;
    u64 sum = seed;
    for (int n = 0; n < 100; n++) {
        all[n].a = sum, all[n].b = sum >> 3, all[n].c += n, all[n].d = sum >> 9, all[n].e = sum * n, all[n].f = sum >> 11;
        sum = sum * 31 + all[n].a + all[n].b * all[n].d + all[n].e - all[n].f;
    }
    return sum;
}

#ifdef NATIVE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Prints a line for each function and number: the result, and the memory as hexadecimal digits.
int main(int count, char **arguments) {
    static _Alignas(64) u8 memory[4096 + 64];
    for (int n = 1; n < count; n++) {
        u64 seed = strtoull(arguments[n], NULL, 10);
#define RUN(name)                                                                                          \
    memset(memory, 0, sizeof memory);                                                                      \
    printf("%s %llu %llx ", #name, seed, name(seed, memory));                                              \
    for (int at = 0; at < 4096; at++) printf("%02x", memory[at]);                                          \
    puts("");
        SNIPPETS(RUN)
    }
}
#else
// What compilers call by themselves.
void *memcpy(void *to, const void *from, unsigned long length) {
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return start;
}

void *memset(void *to, int byte, unsigned long length) {
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(byte) : "memory");
    return start;
}

// Where each function is; the linker puts it first.
#define PLACE(name) (void *)name,
__attribute__((section(".table"), used)) void *const table[] = {SNIPPETS(PLACE)};
#endif
