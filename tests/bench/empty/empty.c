/* empty.c - a program that does nothing, linked with all of stylet's libraries:
 * what the process itself costs. */
int main(void) { return 0; }
