/* json.c - `jsonl`: an object a line; `json`: a list of the same objects.
 * Failed inputs are records too. */
#include "write/formats.h"

static sty_status put_line(sty_writer *writer, const sty_record *record, sty_err *err) {
    sty_record_json(record, &writer->text);
    sty_buf_text(&writer->text, "\n");
    return sty_writer_send(writer, err);
}

static sty_status put_element(sty_writer *writer, const sty_record *record, sty_err *err) {
    sty_buf_text(&writer->text, writer->n_records ? ",\n" : "[\n");
    sty_record_json(record, &writer->text);
    return sty_writer_send(writer, err);
}

static sty_status close_list(sty_writer *writer, sty_err *err) {
    sty_buf_text(&writer->text, writer->n_records ? "\n]\n" : "[]\n");
    return sty_writer_send(writer, err);
}

const sty_writer_type sty_writer_jsonl = {
    .name = "jsonl",
    .extension = ".jsonl",
    .summary = "one JSON object a line",
    .failures = true,
    .any_shape = true,
    .columns = true,
    .put = put_line,
};

const sty_writer_type sty_writer_json = {
    .name = "json",
    .extension = ".json",
    .summary = "one JSON list",
    .failures = true,
    .any_shape = true,
    .columns = true,
    .put = put_element,
    .close = close_list,
};
