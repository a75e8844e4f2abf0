/* main.c - chooses the command. OpenBLAS is pinned to one thread before
 * anything else happens. */
#define _GNU_SOURCE
#include "commands.h"
#include "heap.h"
#include "messages.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(FILE *out) {
    fputs("stylet - speech in, style vectors out\n\nExamples\n"
          "  stylet inspect speech.wav                                token weights as bars\n"
          "  stylet extract speech.wav                                the style vector as JSON\n"
          "  stylet extract -w style,token_weights -o out.npz *.wav   many clips, one file\n"
          "  stylet speak --like speech.wav \"Good morning.\" -o out.wav  spoken like that clip\n\nCommands\n",
          out);
    for (size_t i = 0; i < n_commands; i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nstylet COMMAND --help tells more. stylet --version names the version.\n", out);
}

/* --exact: kernels of BLAS and of the mathematical library are chosen when the program
 * is loaded, so it is started again with the plain ones asked for. */
static void start_exact(char **argv) {
    static const char *const wanted[][2] = {
        {"STYLET_CPU", "generic"},
        {"SOXR_USE_SIMD64", "0"},
#if defined(__x86_64__)
        {"OPENBLAS_CORETYPE", "Prescott"},
        {"GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX,-FMA,-FMA4,-AVX512F"},
#else
        {"OPENBLAS_CORETYPE", "ARMV8"},
#endif
    };
    bool is = true;
    for (size_t i = 0; i < STY_COUNT(wanted); i++) {
        const char *value = getenv(wanted[i][0]);
        is = is && value && strcmp(value, wanted[i][1]) == 0;
        setenv(wanted[i][0], wanted[i][1], 1);
    }
    if (!is) execv("/proc/self/exe", argv);
}

/* Whether the option was given, for commands that have it. */
static bool wants_exact(const command *cmd, const void *options) {
    for (size_t i = 0; i < cmd->n_options; i++)
        if (strcmp(cmd->options[i].name, "exact") == 0) return *(const bool *)((const char *)options + cmd->options[i].offset);
    return false;
}

/* Parsing moves the operands of args to its front; argv stays whole. */
static int run_command(const command *cmd, int n_args, char **args, char **argv) {
    void *options = sty_alloc(1, cmd->options_size);
    int code = EXIT_USAGE;
    if (!options) {
        message_error("out of memory");
        return EXIT_NONE_DONE;
    }
    if (options_parse(cmd, options, &n_args, args)) {
        const common_options *common = options;
        messages_quiet = common->quiet;
        if (wants_exact(cmd, options)) start_exact(argv);
        if (common->help) {
            options_help(cmd, stdout);
            code = fflush(stdout) == 0 ? EXIT_OK : EXIT_OUTPUT;
        } else code = cmd->run(options, n_args, args);
    }
    options_clear(cmd, options);
    sty_free(options);
    return code;
}

/* An OpenMP build of OpenBLAS takes its thread count from the environment only. */
static void pin_blas(char **argv) {
    const char *threads = getenv("OMP_NUM_THREADS");
    sty_blas_end_threads();
    if (sty_blas_needs_environment() && (!threads || strcmp(threads, "1") != 0)) {
        setenv("OMP_NUM_THREADS", "1", 1);
        execv("/proc/self/exe", argv);
    }
}

/* A standard stream that came closed must not become the number of a file of ours, or
 * messages would be written into it. Standard output stays one that cannot be written. */
static void hold_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0) _exit(EXIT_OUTPUT);
}

int main(int argc, char **argv) {
    heap_begin();
    hold_standard_streams();
    pin_blas(argv);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const command *about = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !about) return EXIT_USAGE;
        if (about) options_help(about, stdout);
        else print_help(stdout);
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_OUTPUT;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("stylet %s\nMIT licence. Kernels: %s, OpenBLAS %s\n", sty_version(), sty_cpu_name(sty_cpu_path()), sty_blas_core());
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_OUTPUT;
    }
    const command *cmd = find_command(argv[1]);
    char **args = cmd ? sty_alloc((size_t)argc, sizeof *args) : NULL;
    if (!args) return EXIT_USAGE;
    memcpy(args, argv + 2, (size_t)(argc - 2) * sizeof *args);
    const int code = run_command(cmd, argc - 2, args, argv);
    sty_free(args);
    return code;
}
