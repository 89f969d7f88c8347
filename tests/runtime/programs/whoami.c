/* Built as a program and as a plug-in: tells the two sides apart. */
#include <stdio.h>

const char *whoami(void)
{
    return WHO;
}

int main(void)
{
    puts(WHO);
    return 0;
}
