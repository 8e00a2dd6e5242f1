#include "cli.h"

#include <errno.h>
#include <string.h>

static const struct cli_command *const commands[] = {&cli_devices, &cli_train,   &cli_evaluate, &cli_predict,
                                                     &cli_inspect, &cli_convert, &cli_label,    &cli_forecast,
                                                     &cli_parity,  &cli_bench};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int help(FILE *stream, int code) {
    fputs("simba: train and run SiMBA (Mamba scan and EinFFT) on any Vulkan device\n\n", stream);
    for (int i = 0; i < COMMANDS; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", commands[i]->name, commands[i]->operands);
        fprintf(stream, "  simba %-35s %s\n", left, commands[i]->summary);
    }
    fputs("  simba version                             the version of the library\n"
          "\nEvery command has --help. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C.\n",
          stream);
    return code;
}

/* A result that did not reach its file is no success: a full disk shows when the buffer is written at last. */
static int finish_output(int code) {
    const bool written = !ferror(stdout) && fflush(stdout) == 0;
    if (written || code != CLI_DONE) return code;
    fprintf(stderr, "simba: Cannot write the output: %s.\n", strerror(errno ? errno : EIO));
    return CLI_FAILED;
}

int main(int count, char **words) {
    if (count < 2) return help(stderr, CLI_USAGE);
    const char *word = words[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || (!strcmp(word, "help") && count == 2))
        return finish_output(help(stdout, CLI_DONE));
    if (!strcmp(word, "--version") || !strcmp(word, "version")) {
        const char *commit = simba_commit();
        printf("simba %s%s%s%s\n", simba_version(), commit ? " (" : "", commit ? commit : "", commit ? ")" : "");
        return finish_output(CLI_DONE);
    }
    bool asks_help = !strcmp(word, "help");
    if (asks_help) word = words[2];
    const char *names[COMMANDS + 3] = {"help", "version"};
    for (int i = 0; i < COMMANDS; i++) {
        if (!strcmp(word, commands[i]->name)) {
            char *only_help[] = {(char[]){"--help"}};
            return finish_output(asks_help ? commands[i]->run(commands[i], 1, only_help)
                                           : commands[i]->run(commands[i], count - 2, words + 2));
        }
        names[i + 2] = commands[i]->name;
    }
    const char *near = simba_nearest_word(word + strspn(word, "-"), names);
    if (near) return cli_usage_error(NULL, "unknown command %s; did you mean %s?", word, near);
    return cli_usage_error(NULL, "unknown command %s", word);
}
