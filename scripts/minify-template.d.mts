export declare function minifyTemplate(source: string): string
