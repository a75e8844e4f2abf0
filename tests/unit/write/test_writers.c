/* Writers: what the bytes are, and that nothing is left when they cannot be written. */
#define _GNU_SOURCE
#include "random.h"
#include "scratch.h"
#include "unit.h"
#include "write/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sty_err err;
static const float style[] = {0.5f, -1, 0.1f, 3e-7f}, weights[] = {0.25f, 0.75f, 1, 0, 0.5f, 0.5f};

static sty_record record_of(const sty_field *fields, size_t n_fields, const char *id) {
    return (sty_record){.id = id, .path = "a.wav", .start_s = 0.5, .duration_s = 1.2345678, .rate_hz = 16000, .n_frames = 7,
                        .fields = fields, .n_fields = n_fields, .model_name = "m", .model_hash = "0123"};
}

static const sty_field both[] = {{.name = "style", .view = {style, 1, {4}}}, {.name = "token_weights", .view = {weights, 2, {2, 3}}}};

static sty_status write_records(const char *path, const char *format, size_t n_fields, size_t n_records) {
    static const char *const ids[] = {"a", "b,\"c\"", "d\te\nf", "\xc3\xa9\xff"};
    sty_writer *writer;
    sty_status status = sty_writer_open(path, format, false, &writer, &err);
    if (status != STY_OK) return status;
    for (size_t i = 0; i < n_records && status == STY_OK; i++) {
        const sty_record record = record_of(both, n_fields, ids[i % STY_COUNT(ids)]);
        status = sty_writer_put(writer, &record, &err);
    }
    if (status == STY_OK) return sty_writer_close(writer, &err);
    sty_writer_abort(writer);
    return status;
}

static void expect(const char *name, size_t n_fields, size_t n_records, const char *want) {
    if (write_records(scratch_path(name), NULL, n_fields, n_records) != STY_OK) fail_msg("%s: %s", name, err.message);
    char *text = scratch_read(scratch_path(name), NULL);
    assert_string_equal(text, want);
    free(text);
    remove(scratch_path(name));
}

#define HEAD(id) "{\"id\":\"" id "\",\"path\":\"a.wav\",\"start\":0.5,\"duration\":1.2345678,\"channel\":\"mix\",\"sample_rate\":16000,"
#define REST "\"num_frames\":7,\"status\":\"ok\",\"style\":[0.5,-1,0.100000001,3.00000011e-07],\"model\":{\"name\":\"m\",\"hash\":\"0123\"}}"

static void json_is_one_object_a_clip(void **state) {
    (void)state;
    expect("x.jsonl", 1, 2, HEAD("a") REST "\n" HEAD("b,\\\"c\\\"") REST "\n");
    expect("x.json", 1, 2, "[\n" HEAD("a") REST ",\n" HEAD("b,\\\"c\\\"") REST "\n]\n");
    expect("x.json", 1, 0, "[]\n");
    expect("x.jsonl", 1, 0, "");
}

static void tables_quote_what_a_reader_would_split(void **state) {
    (void)state;
    expect("x.csv", 1, 3,
           "id,path,start,end,e0,e1,e2,e3\na,a.wav,0.5,1.7345678,0.5,-1,0.100000001,3.00000011e-07\n"
           "\"b,\"\"c\"\"\",a.wav,0.5,1.7345678,0.5,-1,0.100000001,3.00000011e-07\n"
           "\"d\te\nf\",a.wav,0.5,1.7345678,0.5,-1,0.100000001,3.00000011e-07\n");
    expect("x.tsv", 1, 3,
           "id\tpath\tstart\tend\te0\te1\te2\te3\na\ta.wav\t0.5\t1.7345678\t0.5\t-1\t0.100000001\t3.00000011e-07\n"
           "b,\"c\"\ta.wav\t0.5\t1.7345678\t0.5\t-1\t0.100000001\t3.00000011e-07\n"
           "d e f\ta.wav\t0.5\t1.7345678\t0.5\t-1\t0.100000001\t3.00000011e-07\n");
    expect("x.csv", 2, 1,
           "id,path,start,end,style.0,style.1,style.2,style.3,token_weights.0.0,token_weights.0.1,token_weights.0.2,"
           "token_weights.1.0,token_weights.1.1,token_weights.1.2\n"
           "a,a.wav,0.5,1.7345678,0.5,-1,0.100000001,3.00000011e-07,0.25,0.75,1,0,0.5,0.5\n");
}

static void an_array_has_its_ids_beside_it(void **state) {
    size_t n;
    (void)state;
    assert_int_equal(write_records(scratch_path("x.npy"), NULL, 1, 2), STY_OK);
    char *bytes = scratch_read(scratch_path("x.npy"), &n), *ids = scratch_read(scratch_path("x.npy.ids.txt"), NULL);
    assert_int_equal(n, 128 + 2 * sizeof style);
    assert_non_null(strstr(bytes + 10, "'shape': (2, 4), }"));
    assert_memory_equal(bytes + 128, style, sizeof style);
    assert_memory_equal(bytes + 128 + sizeof style, style, sizeof style);
    assert_string_equal(ids, "a\nb,\"c\"\n");
    free(bytes);
    free(ids);
    remove(scratch_path("x.npy"));
    remove(scratch_path("x.npy.ids.txt"));
}

static void the_format_is_told_by_name_or_extension(void **state) {
    sty_writer *writer;
    (void)state;
    assert_int_equal(sty_writer_open(scratch_path("x.wav"), NULL, false, &writer, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "no known extension"));
    assert_int_equal(sty_writer_open(scratch_path("x.wav"), "cvs", false, &writer, &err), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "did you mean 'csv'"));
    assert_int_equal(sty_writer_open("-", "npz", false, &writer, &err), STY_BAD_ARGUMENT);
    assert_int_equal(write_records(scratch_path("x.wav"), "jsonl", 1, 1), STY_OK);
    assert_int_equal(write_records(scratch_path("x.wav"), "jsonl", 1, 1), STY_BAD_ARGUMENT);
    remove(scratch_path("x.wav"));
}

static void arrays_refuse_another_shape_and_leave_nothing(void **state) {
    static const char *const names[] = {"y.npy", "y.npz", "y.csv", "y.tsv"};
    const sty_field other = {.name = "style", .view = {style, 1, {3}}};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(names); i++) {
        sty_writer *writer;
        assert_int_equal(sty_writer_open(scratch_path(names[i]), NULL, false, &writer, &err), STY_OK);
        const sty_record first = record_of(both, 1, "a"), second = record_of(&other, 1, "b");
        assert_int_equal(sty_writer_put(writer, &first, &err), STY_OK);
        assert_int_equal(sty_writer_put(writer, &second, &err), STY_BAD_ARGUMENT);
        assert_non_null(strstr(err.message, "another shape"));
        sty_writer_abort(writer);
    }
    assert_int_equal(scratch_count("y.") + scratch_count(".y."), 0);
}

static void without_memory_every_format_fails_cleanly(void **state) {
    (void)state;
    for (size_t t = 0; t < sty_n_writer_types; t++)
        for (size_t n = 1;; n++) {
            char name[64];
            snprintf(name, sizeof name, "z%zu-%zu%s", t, n, sty_writer_types[t]->extension ? sty_writer_types[t]->extension : "");
            sty_mem_fail_at(n, false);
            const sty_status status = write_records(scratch_path(name), sty_writer_types[t]->name, 1, 1);
            const size_t made = sty_mem_fail_at(0, false);
            if (made < n) break;
            if (status != STY_OUT_OF_MEMORY && status != STY_OUTPUT_ERROR)
                fail_msg("%s, allocation %zu: %s (%s)", sty_writer_types[t]->name, n, sty_status_name(status), err.message);
            /* a projector's folder is whole when its configuration is there */
            char whole[128];
            snprintf(whole, sizeof whole, "%s/projector_config.pbtxt", name);
            const bool folder = strcmp(sty_writer_types[t]->name, "projector") == 0;
            if (folder ? scratch_exists(scratch_path(whole)) : scratch_count(name) > 0) fail_msg("%s is left of allocation %zu", name, n);
        }
    assert_int_equal(scratch_count(".z"), 0);
}

static void a_full_device_is_told_by_put_or_close(void **state) {
    static const char *const formats[] = {"jsonl", "json", "csv", "tsv"};
    (void)state;
    for (size_t i = 0; i < STY_COUNT(formats); i++) {
        assert_int_equal(write_records("/dev/full", formats[i], 2, 1), STY_OUTPUT_ERROR);
        assert_int_equal(write_records("/dev/full", formats[i], 2, 3000), STY_OUTPUT_ERROR);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_one_object_a_clip),
        cmocka_unit_test(tables_quote_what_a_reader_would_split),
        cmocka_unit_test(an_array_has_its_ids_beside_it),
        cmocka_unit_test(the_format_is_told_by_name_or_extension),
        cmocka_unit_test(arrays_refuse_another_shape_and_leave_nothing),
        cmocka_unit_test(without_memory_every_format_fails_cleanly),
        cmocka_unit_test(a_full_device_is_told_by_put_or_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
