/** Of the documents between the two halves. Halves that do not share it refuse each other (HALVES_DIFFER). */
export const documentsVersion = 3
