#include "cli.h"

#include <stdlib.h>

static void print_json(const struct simba_device_info *devices, int count, const char *note) {
    fputs("{\"devices\": [", stdout);
    for (int i = 0; i < count; i++) {
        const struct simba_device_info *device = &devices[i];
        printf("%s\n  {\"index\": %d, \"name\": ", i ? "," : "", device->index);
        cli_json_string(stdout, device->name);
        fputs(", \"backend\": ", stdout);
        cli_json_string(stdout, device->backend);
        fputs(", \"kind\": ", stdout);
        cli_json_string(stdout, simba_device_kind_name(device->kind));
        fputs(", \"driver\": ", stdout);
        cli_json_string(stdout, device->driver);
        fputs(", \"uuid\": ", stdout);
        cli_json_string(stdout, device->uuid[0] ? device->uuid : NULL);
        printf(", \"memory_bytes\": %llu, \"usable\": %s, \"preferred\": %s, \"reason\": ",
               (unsigned long long)device->memory_bytes, device->usable ? "true" : "false",
               device->preferred ? "true" : "false");
        cli_json_string(stdout, device->reason);
        fputs(", \"features\": ", stdout);
        cli_json_string(stdout, device->features);
        fputs(", \"quirks\": ", stdout);
        cli_json_string(stdout, device->quirks[0] ? device->quirks : NULL);
        fputs("}", stdout);
    }
    fputs("],\n \"note\": ", stdout);
    cli_json_string(stdout, note[0] ? note : NULL);
    fputs(",\n \"known_quirks\": [", stdout);
    struct simba_quirk quirk;
    for (int i = 0; simba_known_quirk(i, &quirk); i++) {
        const char *const parts[][2] = {{"name", quirk.name},
                                        {"drivers", quirk.drivers},
                                        {"effect", quirk.effect},
                                        {"reason", quirk.reason},
                                        {"reference", quirk.reference}};
        fputs(i ? ",\n  {" : "\n  {", stdout);
        for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
            printf("%s\"%s\": ", part ? ", " : "", parts[part][0]);
            cli_json_string(stdout, parts[part][1]);
        }
        fputs("}", stdout);
    }
    fputs("]}\n", stdout);
}

static void print_text(const struct simba_device_info *devices, int count, const char *note) {
    for (int i = 0; i < count; i++) {
        const struct simba_device_info *device = &devices[i];
        char memory[32];
        printf("%s%d: %s%s%s\n", cli_bold(stdout), device->index, device->name, cli_plain(stdout),
               device->preferred ? "  [preferred]"
               : device->usable  ? ""
                                 : "  [not usable]");
        printf("   %s, %s", device->backend, simba_device_kind_name(device->kind));
        if (device->memory_bytes) printf(", %s of memory", cli_bytes(memory, (double)device->memory_bytes));
        if (device->driver[0]) printf(", driver %s", device->driver);
        if (device->uuid[0]) printf("\n   uuid %s", device->uuid);
        if (device->features[0]) printf("\n   %s", device->features);
        if (device->quirks[0]) printf("\n   quirks: %s", device->quirks);
        if (device->reason[0]) printf("\n   %s", device->reason);
        fputs("\n", stdout);
    }
    if (note[0]) printf("%s\n", note);
}

static void print_quirks(void) {
    struct simba_quirk quirk;
    for (int i = 0; simba_known_quirk(i, &quirk); i++)
        printf("%s%s%s\n   drivers    %s\n   effect     %s\n   reason     %s\n   reference  %s\n", cli_bold(stdout),
               quirk.name, cli_plain(stdout), quirk.drivers, quirk.effect, quirk.reason, quirk.reference);
}

static int run(const struct cli_command *command, int count, char **words) {
    bool json = false, quirks = false;
    struct cli_list operands = {0};
    const struct cli_option options[] = {
        {.name = "json", .help = "machine-readable output, with all that --quirks tells", .flag = &json},
        {.name = "quirks",
         .help = "list what drivers are known to get wrong, and what is done about it",
         .flag = &quirks},
        {0}};
    int code = CLI_DONE;
    if (cli_options_read(command, options, count, words, &operands, &code)) {
        struct simba_device_info *devices = NULL;
        int device_count = 0;
        char note[256] = "";
        struct simba_error error;
        if (operands.count)
            code = cli_usage_error(command, "unexpected word %s", operands.items[0]);
        else if (quirks && !json)
            print_quirks();
        else if (!simba_list_devices(&devices, &device_count, note, &error))
            code = cli_failed(&error);
        else
            (json ? print_json : print_text)(devices, device_count, note);
        simba_free(devices);
    }
    free(operands.items);
    return code;
}

const struct cli_command cli_devices = {.name = "devices",
                                        .operands = "",
                                        .summary = "list every device, what it offers and which one is preferred",
                                        .run = run};
