/* Lists: every kind comes out as the same entries. */
#define _GNU_SOURCE
#include "unit.h"

#include "corpus/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[256];
static sty_list list;
static sty_err err;

static const char *file_with(const char *name, const char *content) {
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
    fclose(f);
    return path;
}

/* Each for itself: several may be looked at. */
static const sty_entry *at(size_t i) {
    static sty_listed some[8];
    assert_true(i < list.n && i < 8);
    assert_true(sty_listed_begin(&some[i], &list));
    return sty_list_at(&list, i, &some[i]);
}

static void read_list(const sty_list_options *options, const char *name, const char *content) {
    sty_list_clear(&list);
    assert_int_equal(sty_list_begin(&list, options, &err), STY_OK);
    if (sty_list_add_list(&list, file_with(name, content), &err) != STY_OK || sty_list_finish(&list, true, &err) != STY_OK)
        fail_msg("%s", err.message);
}

static sty_status status_of(const sty_list_options *options, const char *name, const char *content) {
    sty_list_clear(&list);
    assert_int_equal(sty_list_begin(&list, options, &err), STY_OK);
    sty_status status = sty_list_add_list(&list, file_with(name, content), &err);
    return status == STY_OK ? sty_list_finish(&list, true, &err) : status;
}

static const sty_list_options plain_options;

static void plain_paths_get_ids_below_their_common_folder(void **state) {
    (void)state;
    read_list(&plain_options, "list.txt", "/d/a/one.wav\r\n\n/d/b/two words.flac\n/d/b/.hidden\n");
    assert_int_equal(list.n, 3);
    assert_string_equal(at(0)->id, "a/one");
    assert_string_equal(at(1)->id, "b/two words");
    assert_string_equal(at(1)->path, "/d/b/two words.flac");
    assert_string_equal(at(2)->id, "b/.hidden");
    assert_int_equal(at(2)->line, 4);
}

static void a_list_without_a_last_line_end_is_read_to_its_end(void **state) {
    (void)state;
    read_list(&plain_options, "one.txt", "/d/a.wav");
    assert_int_equal(list.n, 1);
    assert_string_equal(at(0)->path, "/d/a.wav");
}

static void a_gzip_list_reads_like_the_plain_one(void **state) {
    (void)state;
    char path[400];
    snprintf(path, sizeof path, "%s/list.jsonl.gz", folder);
    gzFile f = gzopen(path, "wb");
    gzputs(f, "{\"audio_filepath\":\"x/a.wav\",\"duration\":2.5}\n");
    gzclose(f);
    assert_int_equal(sty_list_begin(&list, &plain_options, &err), STY_OK);
    assert_int_equal(sty_list_add_list(&list, path, &err), STY_OK);
    assert_int_equal(list.n, 1);
    assert_true(at(0)->duration_s == 2.5);
    assert_true(at(0)->end_s == 0);
}

static void a_compressed_list_that_was_cut_is_refused(void **state) {
    (void)state;
    char path[400];
    snprintf(path, sizeof path, "%s/cut.gz", folder);
    gzFile f = gzopen(path, "wb");
    for (int i = 0; i < 5000; i++)
        gzprintf(f, "/d/%d-%d.wav\n", i, i * 7919);
    gzclose(f);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    assert_int_equal(sty_list_begin(&list, &plain_options, &err), STY_OK);
    assert_int_equal(sty_list_add_list(&list, path, &err), STY_BAD_ARGUMENT);
}

static void wav_scp_has_paths_ark_offsets_and_refused_commands(void **state) {
    (void)state;
    read_list(&plain_options, "wav.scp", "u1 /d/a b.wav\nu2\t/d/x.ark:1234\nu3 sph2pipe -f wav /d/x.sph |\nu4\n");
    assert_int_equal(list.n, 4);
    assert_string_equal(at(0)->path, "/d/a b.wav");
    assert_int_equal(at(1)->kind, STY_SOURCE_ARK);
    assert_int_equal(at(1)->offset, 1234);
    assert_string_equal(at(1)->path, "/d/x.ark");
    assert_int_equal(at(2)->kind, STY_SOURCE_BAD);
    assert_non_null(strstr(at(2)->problem, "--allow-pipes"));
    assert_int_equal(at(3)->kind, STY_SOURCE_BAD);
    assert_string_equal(at(3)->id, "u4");
}

static void commands_run_only_when_allowed(void **state) {
    (void)state;
    const sty_list_options options = {.allow_pipes = true};
    read_list(&options, "wav.scp", "u3 cat /d/x.wav |\n");
    assert_int_equal(at(0)->kind, STY_SOURCE_COMMAND);
    assert_string_equal(at(0)->path, "cat /d/x.wav ");
}

static void segments_are_parts_of_recordings_and_speakers_join_by_utterance(void **state) {
    (void)state;
    char segments[400], utt2spk[400];
    snprintf(segments, sizeof segments, "%s", file_with("segments", "u1 r1 0.5 1.25\nu2 r1 2 -1 1\nu3 nowhere 0 1\nu4 r1 2 1\n"));
    snprintf(utt2spk, sizeof utt2spk, "%s", file_with("utt2spk", "u1 s1\nu9 s9\n"));
    const sty_list_options options = {.segments = segments, .utt2spk = utt2spk};
    read_list(&options, "wav.scp", "r1 /d/r1.wav\n");
    assert_int_equal(list.n, 4);
    assert_string_equal(at(0)->path, "/d/r1.wav");
    assert_true(at(0)->start_s == 0.5 && at(0)->end_s == 1.25);
    assert_string_equal(at(0)->speaker, "s1");
    assert_true(at(1)->end_s == 0);
    assert_int_equal(at(1)->channel, 2);
    assert_null(at(1)->speaker);
    assert_int_equal(at(2)->kind, STY_SOURCE_BAD);
    assert_int_equal(at(3)->kind, STY_SOURCE_BAD);
}

static void nemo_offsets_are_parts_with_times_in_their_ids(void **state) {
    (void)state;
    read_list(&plain_options, "m.json",
              "{\"audio_filepath\":\"w/a.wav\",\"offset\":0.0,\"duration\":1.5,\"text\":\"x\"}\n"
              "{\"audio_filepath\":\"w/a.wav\",\"offset\":1.5,\"duration\":2,\"speaker\":\"ann\"}\n"
              "{broken\n");
    assert_int_equal(list.n, 3);
    assert_string_equal(at(0)->id, "a-0000000-0001500");
    assert_string_equal(at(1)->id, "a-0001500-0003500");
    assert_string_equal(at(1)->speaker, "ann");
    assert_non_null(strstr(at(1)->path, folder));
    assert_int_equal(at(2)->kind, STY_SOURCE_BAD);
}

static const char *const lhotse =
    "{\"id\":\"c1\",\"start\":1.0,\"duration\":2.0,\"channel\":1,\"type\":\"MonoCut\",\"supervisions\":[{\"id\":\"s\","
    "\"speaker\":\"bob\",\"text\":\"hi\",\"custom\":{\"emotion\":\"calm\"}}],\"recording\":{\"id\":\"r\",\"sources\":"
    "[{\"type\":\"file\",\"channels\":[0,1],\"source\":\"a.wav\"}],\"sampling_rate\":16000,\"num_samples\":64000,\"duration\":4.0}}";

static void lhotse_cuts_give_part_channel_speaker_and_columns(void **state) {
    (void)state;
    static const char *const keep[] = {"emotion", "text"};
    const sty_list_options options = {.keep = keep, .n_keep = 2};
    char text[2000];
    snprintf(text, sizeof text,
             "%s\n{\"id\":\"p\",\"type\":\"PaddingCut\"}\n{\"id\":\"r1\",\"sources\":[{\"type\":\"url\",\"channels\":[0],"
             "\"source\":\"http://x\"}],\"duration\":1}\n{\"id\":\"r2\",\"sources\":[{\"type\":\"file\",\"channels\":[0],"
             "\"source\":\"/d/r2.wav\"}],\"duration\":1.5}\n",
             lhotse);
    read_list(&options, "cuts.jsonl", text);
    assert_int_equal(list.n, 4);
    assert_string_equal(at(0)->id, "c1");
    assert_string_equal(at(0)->path, "a.wav");
    assert_int_equal(at(0)->channel, 2);
    assert_true(at(0)->start_s == 1 && at(0)->end_s == 3);
    assert_string_equal(at(0)->speaker, "bob");
    assert_string_equal(at(0)->columns[0], "calm");
    assert_string_equal(at(0)->columns[1], "hi");
    assert_int_equal(at(1)->kind, STY_SOURCE_BAD);
    assert_non_null(strstr(at(1)->problem, "PaddingCut"));
    assert_int_equal(at(2)->kind, STY_SOURCE_BAD);
    assert_string_equal(at(3)->path, "/d/r2.wav");
}

static void an_older_json_list_of_cuts_reads_the_same(void **state) {
    (void)state;
    char text[2000];
    snprintf(text, sizeof text, "[\n %s\n]\n", lhotse);
    read_list(&plain_options, "cuts.json", text);
    assert_int_equal(list.n, 1);
    assert_string_equal(at(0)->id, "c1");
    assert_int_equal(status_of(&plain_options, "bad.json", "[{\"id\":"), STY_BAD_ARGUMENT);
}

static void csv_columns_are_found_by_name_and_quotes_are_undone(void **state) {
    (void)state;
    static const char *const keep[] = {"note"};
    const sty_list_options options = {.keep = keep, .n_keep = 1};
    read_list(&options, "t.csv",
              "\xEF\xBB\xBFid,path,note,start,duration\nx,/d/a.wav,\"one, \"\"two\"\"\nthree\",1,2\ny,/d/b.wav,,,3\nz\n"
              "w,/d/c.wav,,soon,\n");
    assert_int_equal(list.n, 4);
    assert_string_equal(at(0)->columns[0], "one, \"two\"\nthree");
    assert_true(at(0)->start_s == 1 && at(0)->end_s == 3);
    assert_true(at(1)->end_s == 0);
    assert_int_equal(at(2)->kind, STY_SOURCE_BAD);
    assert_int_equal(at(3)->kind, STY_SOURCE_BAD);
    assert_string_equal(at(3)->id, "w");
}

static void a_table_without_the_asked_column_is_refused(void **state) {
    (void)state;
    static const char *const keep[] = {"mood"};
    const sty_list_options options = {.keep = keep, .n_keep = 1};
    assert_int_equal(status_of(&options, "t.tsv", "path\tid\n/d/a.wav\ta\n"), STY_BAD_ARGUMENT);
    sty_list_clear(&list);
    const sty_list_options csv = {.format = "csv"};
    assert_int_equal(status_of(&csv, "t.csv", "name,age\nx,1\n"), STY_BAD_ARGUMENT);
}

static void ljspeech_lines_name_files_in_wavs(void **state) {
    (void)state;
    char path[400];
    read_list(&plain_options, "metadata.csv", "LJ001-0001|Printing, in|Printing, in\n");
    snprintf(path, sizeof path, "%s/wavs/LJ001-0001.wav", folder);
    assert_string_equal(at(0)->path, path);
    assert_string_equal(at(0)->id, "LJ001-0001");
}

static void file_name_columns_are_relative_to_the_list(void **state) {
    (void)state;
    char path[400];
    read_list(&plain_options, "metadata.csv", "file_name,transcription\nsub/a.mp3,hello\n");
    snprintf(path, sizeof path, "%s/sub/a.mp3", folder);
    assert_string_equal(at(0)->path, path);
}

static void nul_separated_paths_may_hold_line_ends(void **state) {
    (void)state;
    const sty_list_options options = {.null_separated = true};
    char path[400];
    snprintf(path, sizeof path, "%s/nul", folder);
    FILE *f = fopen(path, "wb");
    fwrite("/d/a\nb.wav\0/d/c.wav\0", 1, 20, f);
    fclose(f);
    assert_int_equal(sty_list_begin(&list, &options, &err), STY_OK);
    assert_int_equal(sty_list_add_list(&list, path, &err), STY_OK);
    assert_int_equal(list.n, 2);
    assert_string_equal(at(0)->path, "/d/a\nb.wav");
}

static void folders_are_read_in_byte_order_and_only_audio(void **state) {
    (void)state;
    const sty_list_options options = {.recursive = true};
    char path[400];
    snprintf(path, sizeof path, "%s/tree", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/tree/b", folder);
    mkdir(path, 0700);
    file_with("tree/b/x.WAV", "");
    file_with("tree/c.flac", "");
    file_with("tree/a.ogg", "");
    file_with("tree/notes.txt", "");
    snprintf(path, sizeof path, "%s/tree", folder);
    assert_int_equal(sty_list_begin(&list, &options, &err), STY_OK);
    assert_int_equal(sty_list_add(&list, path, &err), STY_OK);
    assert_int_equal(sty_list_finish(&list, true, &err), STY_OK);
    assert_int_equal(list.n, 3);
    assert_string_equal(at(0)->id, "a");
    assert_string_equal(at(1)->id, "b/x");
    assert_string_equal(at(2)->id, "c");
}

static void paths_come_back_from_any_number_of_folders(void **state) {
    enum { N = 1000, FOLDERS = 170 };
    static char content[N * 32];
    char path[64];
    sty_listed listed = {0};
    size_t n = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        n += (size_t)snprintf(content + n, sizeof content - n, "/d/folder%d/a clip %d.wav\n", i * 7 % FOLDERS, i);
    read_list(&plain_options, "long.txt", content);
    assert_int_equal(list.n, N);
    assert_int_equal(list.store.n_folders, FOLDERS);
    assert_true(sty_listed_begin(&listed, &list));
    for (int i = 0; i < N; i++) {
        const sty_entry *entry = sty_list_at(&list, (size_t)i, &listed);
        snprintf(path, sizeof path, "/d/folder%d/a clip %d.wav", i * 7 % FOLDERS, i);
        assert_string_equal(entry->path, path);
        path[strlen(path) - 4] = '\0';
        assert_string_equal(entry->id, path + 3);
        assert_int_equal(entry->line, i + 1);
    }
    sty_listed_clear(&listed);
}

static void two_equal_ids_are_refused_with_both_paths(void **state) {
    (void)state;
    assert_int_equal(status_of(&plain_options, "l.txt", "/d/a.wav\n/d/a.flac\n"), STY_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "/d/a.wav"));
    assert_non_null(strstr(err.message, "/d/a.flac"));
    sty_list_clear(&list);
    const sty_list_options stem = {.id_from = "stem"};
    assert_int_equal(status_of(&stem, "l.txt", "/d/x/a.wav\n/d/y/a.wav\n"), STY_BAD_ARGUMENT);
}

static void templates_make_ids_of_columns(void **state) {
    (void)state;
    const sty_list_options options = {.id_from = "{speaker}/{take}_{stem}"};
    read_list(&options, "t.csv", "path,speaker,take\n/d/a.wav,ann,7\n/d/a.wav,,8\n");
    assert_string_equal(at(0)->id, "ann/7_a");
    assert_int_equal(at(1)->kind, STY_SOURCE_BAD);
    sty_list_clear(&list);
    const sty_list_options wrong = {.id_from = "stems"};
    assert_int_equal(sty_list_begin(&list, &wrong, &err), STY_BAD_ARGUMENT);
}

static int set_up(void **state) {
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/list-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    sty_list_clear(&list);
    return 0;
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(plain_paths_get_ids_below_their_common_folder),
        TEST(a_list_without_a_last_line_end_is_read_to_its_end),
        TEST(a_gzip_list_reads_like_the_plain_one),
        TEST(a_compressed_list_that_was_cut_is_refused),
        TEST(wav_scp_has_paths_ark_offsets_and_refused_commands),
        TEST(commands_run_only_when_allowed),
        TEST(segments_are_parts_of_recordings_and_speakers_join_by_utterance),
        TEST(nemo_offsets_are_parts_with_times_in_their_ids),
        TEST(lhotse_cuts_give_part_channel_speaker_and_columns),
        TEST(an_older_json_list_of_cuts_reads_the_same),
        TEST(csv_columns_are_found_by_name_and_quotes_are_undone),
        TEST(a_table_without_the_asked_column_is_refused),
        TEST(ljspeech_lines_name_files_in_wavs),
        TEST(file_name_columns_are_relative_to_the_list),
        TEST(nul_separated_paths_may_hold_line_ends),
        TEST(folders_are_read_in_byte_order_and_only_audio),
        TEST(paths_come_back_from_any_number_of_folders),
        TEST(two_equal_ids_are_refused_with_both_paths),
        TEST(templates_make_ids_of_columns),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
