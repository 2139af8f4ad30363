/* What generated sources call: as a driver these are imports, as a program they keep what they get. */
#pragma once

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;

#ifdef NATIVE
#define IMPORTED extern
#else
#define IMPORTED __declspec(dllimport)
#endif

/* Asked about. One argument of each is the number of the call. */
IMPORTED u32 AskOne(u32 value, u32 call);
IMPORTED u32 AskPair(u64 first, u8 second, u32 call);
IMPORTED u32 AskFive(u32 call, u64 first, u32 second, u16 third, u32 fifth);
IMPORTED u32 AskNine(u64 first, u32 second, u8 third, u32 call, u32 fifth, u64 sixth, u8 seventh,
                     u16 eighth, u32 ninth);
/* Only called through pointers. */
IMPORTED u32 AskLeft(u32 value, u32 call);
IMPORTED u32 AskRight(u32 value, u32 call);
/* Not asked about. */
IMPORTED u32 Look(void);
IMPORTED u32 Change(u32 *value);
IMPORTED u32 ChangeLater(u32 *value);

struct record {
    u32 first;
    u16 second;
    u8 third;
    i8 fourth;
    u64 fifth;
    u32 low : 5, middle : 7, high : 20;
};

union pieces {
    u64 whole;
    u32 half[2];
    u16 quarter[4];
    u8 byte[8];
};

#define APART __attribute__((noinline))
#define ROUTINE(name) u32 name(u32 a, u32 b, u64 c, u32 *p, u32 e, u8 g)

typedef ROUTINE(routine);
/* In a driver too: what nothing names may be no code at all. */
extern routine *const routines[];
extern const u32 routine_count;
