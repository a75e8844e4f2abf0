/* messages.c - talking to people. */
#include "messages.h"

#include <stdarg.h>
#include <stdio.h>

bool messages_quiet;

static void print(const char *kind, const char *format, va_list args) STY_PRINTF(2, 0);

static void print(const char *kind, const char *format, va_list args) {
    fprintf(stderr, "stylet: %s", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void message_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print("", format, args);
    va_end(args);
}

void message_warning(const char *format, ...) {
    va_list args;
    if (messages_quiet) return;
    va_start(args, format);
    print("warning: ", format, args);
    va_end(args);
}

void message_note(const char *format, ...) {
    va_list args;
    if (messages_quiet) return;
    va_start(args, format);
    print("", format, args);
    va_end(args);
}
