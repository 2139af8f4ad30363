/*
 * Runs generated functions with many inputs, and prints what every call got: function called, number
 * of the call, index of the argument, value.
 */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST (1u << 20)
#define ROUNDS 400

static struct seen {
    const char *called;
    u64 value;
    u32 call;
    u32 index;
} seen[MOST];
static u32 count;
static u64 state = 0x243f6a8885a308d3u;

static u32 next(void) {
    state += 0x9e3779b97f4a7c15u;
    u64 mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (u32)(mixed >> 32);
}

/* Small numbers and single bits as often as any others. */
static u32 input(void) {
    u32 number = next();
    switch (next() % 4) {
    case 0:
        return number % 8;
    case 1:
        return number % 2;
    case 2:
        return 1u << number % 32;
    default:
        return number;
    }
}

static void keep(const char *called, u32 call, u32 index, u64 value) {
    u64 hash = (value * 31 + call) * 0x9e3779b97f4a7c15u + index * 0x85ebca6bu;
    for (u32 place = (u32)(hash >> 40); ; place++) {
        struct seen *known = &seen[place % MOST];
        if (!known->called) {
            /* Enough of this: what comes is not needed for an answer to be wrong. */
            if (count < MOST / 2) {
                *known = (struct seen){called, value, call, index};
                count++;
            }
            return;
        }
        if (known->call == call && known->index == index && known->value == value)
            return;
    }
}

u32 AskOne(u32 value, u32 call) {
    keep("AskOne", call, 0, value);
    return input();
}

u32 AskPair(u64 first, u8 second, u32 call) {
    keep("AskPair", call, 0, first);
    keep("AskPair", call, 1, second);
    return input();
}

u32 AskFive(u32 call, u64 first, u32 second, u16 third, u32 fifth) {
    keep("AskFive", call, 1, first);
    keep("AskFive", call, 2, second);
    keep("AskFive", call, 3, third);
    keep("AskFive", call, 4, fifth);
    return input();
}

u32 AskNine(u64 first, u32 second, u8 third, u32 call, u32 fifth, u64 sixth, u8 seventh,
            u16 eighth, u32 ninth) {
    keep("AskNine", call, 0, first);
    keep("AskNine", call, 1, second);
    keep("AskNine", call, 2, third);
    keep("AskNine", call, 4, fifth);
    keep("AskNine", call, 5, sixth);
    keep("AskNine", call, 6, seventh);
    keep("AskNine", call, 7, eighth);
    keep("AskNine", call, 8, ninth);
    return input();
}

u32 AskLeft(u32 value, u32 call) {
    keep("AskLeft", call, 0, value);
    return input();
}

u32 AskRight(u32 value, u32 call) {
    keep("AskRight", call, 0, value);
    return input();
}

static u32 nothing;
static u32 *later = &nothing;

u32 Look(void) {
    if (next() % 2)
        *later = input();
    return input();
}

u32 Change(u32 *value) {
    if (next() % 4)
        *value = input();
    return input();
}

u32 ChangeLater(u32 *value) {
    later = value;
    return input();
}

int main(void) {
    for (u32 index = 0; index < routine_count; index++) {
        for (u32 round = 0; round < ROUNDS; round++) {
            u32 memory[8];
            for (u32 place = 0; place < 8; place++)
                memory[place] = input();
            u64 wide = (u64)input() << 32 | input();
            routines[index](input(), input(), wide, memory, input(), (u8)input());
            later = &nothing;
        }
    }
    for (u32 place = 0; place < MOST; place++) {
        const struct seen *known = &seen[place];
        if (known->called)
            printf("%s %u %u %llu\n", known->called, known->call, known->index,
                   (unsigned long long)known->value);
    }
    return 0;
}
